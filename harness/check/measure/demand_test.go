package measure

import (
	"errors"
	"strings"
	"testing"

	"github.com/badgateway/badgateway/harness/check/supply"
	"github.com/badgateway/badgateway/harness/nginxconf"
)

func TestParallelFollowsWhatAGatewayTakes(t *testing.T) {
	for text, want := range map[string]int{
		"events {}": 6,
		"worker_processes 8;\nevents { worker_connections 65535; }":   3,
		"worker_processes auto;\nevents { worker_connections 1024; }": 6,
		"worker_processes 32;\nevents {}":                             2,
		"worker_processes 200;\nevents {}":                            0, // 200 times 4 MiB is more than there is
	} {
		c, err := nginxconf.Read(nginxconf.Map(map[string]string{"nginx.conf": text}), "nginx.conf", "/etc/nginx")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := demandOf(c, 4).parallel(6); got != want || (err == nil) != (want > 0) {
			t.Errorf("%q: %d at once, %v; want %d", text, got, err, want)
		}
	}
}

func TestWhatNoLabHasRoomForIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"worker_processes 10000;\nevents { worker_connections 10; }":   "nginx.conf:1: worker_processes 10000: a lab gives a gateway 256 processes; check it with worker_processes",
		"worker_processes 2;\nevents { worker_connections 10000000; }": "nginx.conf:2: 2 workers with 10000000 connections each take 8400 MiB",
	} {
		c, err := nginxconf.Read(nginxconf.Map(map[string]string{"nginx.conf": text}), "nginx.conf", "/etc/nginx")
		if err != nil {
			t.Fatal(err)
		}
		_, err = demandOf(c, 4).parallel(6)
		var refused *supply.Refused
		if !errors.As(err, &refused) || refused.Kind != "limit" || !strings.HasPrefix(err.Error(), want) || refused.Remedy == "" {
			t.Errorf("%v; want %s", err, want)
		}
	}
}
