package measure

import (
	"errors"
	"strings"
	"testing"

	"github.com/badgateway/badgateway/harness/audit/nginxconf"
	"github.com/badgateway/badgateway/harness/audit/provision"
)

func TestParallel_FollowsTheDemand(t *testing.T) {
	for text, want := range map[string]int{
		"events {}": 6,
		"worker_processes 8;\nevents { worker_connections 65535; }": 6,
		"worker_processes 5000;\nevents {}":                         6, // one runs
		"events { worker_connections 400000; }":                     4,
		"events { worker_connections 1700000; }":                    1,
		"events { worker_connections 2000000; }":                    0,
	} {
		c, err := nginxconf.Read(nginxconf.Map(map[string]string{"nginx.conf": text}), "nginx.conf", "/etc/nginx")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := demandOf(c).parallel(6); got != want || (err == nil) != (want > 0) {
			t.Errorf("%q: %d at once, %v; want %d", text, got, err, want)
		}
	}
}

func TestParallel_RefusesWhatNoLabHasRoomFor(t *testing.T) {
	for text, want := range map[string]string{
		"worker_processes 2;\nevents { worker_connections 10000000; }": "nginx.conf:2: a worker with 10000000 connections takes 4200 MiB",
	} {
		c, err := nginxconf.Read(nginxconf.Map(map[string]string{"nginx.conf": text}), "nginx.conf", "/etc/nginx")
		if err != nil {
			t.Fatal(err)
		}
		_, err = demandOf(c).parallel(6)
		var refused *provision.Refused
		if !errors.As(err, &refused) || refused.Kind != "limit" || !strings.HasPrefix(err.Error(), want) || refused.Remedy == "" {
			t.Errorf("%v; want %s", err, want)
		}
	}
}
