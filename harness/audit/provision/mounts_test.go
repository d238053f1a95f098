package provision

import (
	"strings"
	"testing"

	"github.com/badgateway/badgateway/harness/internal/testgit"
)

// Each line that brings something somewhere is held against each file, so there is a bound on them.
func TestLoad_BoundsMounts(t *testing.T) {
	p := testgit.New(t)
	p.Write("c/nginx.conf", "events {}\nhttp { server { listen 80; } }\n")
	p.Write("c/Dockerfile", strings.Repeat("COPY nginx.conf /etc/nginx/nginx.conf\n", maxMounts))
	if _, err := Load(Options{Path: p.At("c")}); err != nil {
		t.Errorf("as many as there may be: %v", err)
	}
	p.Write("c/docker/Dockerfile", "COPY a /b\n")
	_, err := Load(Options{Path: p.At("c")})
	if err == nil || !strings.Contains(err.Error(), "docker/Dockerfile: the Dockerfiles and Compose files here bring files to more than 4000 places") {
		t.Errorf("one more: %v", err)
	}
}
