package nginxconf_test

import (
	"testing"

	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

func TestSetting_NextUpstreamOnlyWhereThereIsAnother(t *testing.T) {
	c := read(t, `http {
	upstream two { server 10.0.0.5:80; server 10.0.0.6:80; }
	upstream one { server 10.0.0.5:80; }
	server {
		server_name a.example;
		location /address/ { proxy_pass http://10.0.0.5; }
		location /name/ { proxy_pass http://app.internal; }
		location /variable/ { proxy_pass http://$backend; }
		location /two/ { proxy_pass http://two; }
		location /one/ { proxy_pass http://one; }
	}
}`)
	for uri, want := range map[string]bool{"/address/": false, "/name/": true, "/variable/": true, "/two/": true, "/one/": false} {
		w, err := c.Way(t.Context(), nginxconf.Ask{Host: "a.example", URI: uri})
		if err != nil || w.Target.Pass == nil {
			t.Fatalf("%s: %+v, %v", uri, w, err)
		}
		if got := len(c.Setting(w, "{proxy}_next_upstream")) > 0; got != want {
			t.Errorf("%s: %v", uri, got)
		}
	}
}
