package provision

import (
	"strings"
	"testing"
)

// Each line that brings something somewhere is held against each file, so there is a bound on them.
func TestLoad_BoundsMounts(t *testing.T) {
	p := newPlot(t)
	p.write("c/nginx.conf", "events {}\nhttp { server { listen 80; } }\n")
	p.write("c/Dockerfile", strings.Repeat("COPY nginx.conf /etc/nginx/nginx.conf\n", maxMounts))
	if _, err := Load(Options{Path: p.at("c")}); err != nil {
		t.Errorf("as many as there may be: %v", err)
	}
	p.write("c/docker/Dockerfile", "COPY a /b\n")
	_, err := Load(Options{Path: p.at("c")})
	if err == nil || !strings.Contains(err.Error(), "docker/Dockerfile: the Dockerfiles and Compose files here bring files to more than 4000 places") {
		t.Errorf("one more: %v", err)
	}
}
