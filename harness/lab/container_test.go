package lab

import (
	"regexp"
	"strings"
	"testing"
)

func TestContainerName_SaysWhatRuns(t *testing.T) {
	valid := regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]+$`) // the engine takes no other
	for image, want := range map[string]string{
		"badgateway/mariadb:1f3a9c07":          "badgateway-mariadb-",
		"nginx:1.29-alpine":                    "badgateway-nginx-",
		"registry.example:5000/team/web":       "badgateway-web-",
		"nginx@sha256:0123456789abcdef":        "badgateway-nginx-",
		"sha256:0123456789abcdef0123456789abc": "badgateway-sha256-",
	} {
		if got := containerName(image); !strings.HasPrefix(got, want) || !valid.MatchString(got) {
			t.Errorf("%s: %s, want %s and a number", image, got, want)
		}
	}
}
