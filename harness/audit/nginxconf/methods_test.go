package nginxconf

import (
	"slices"
	"testing"
)

// The methods that a location takes or refuses by name are worth a request each; of the others GET and POST are enough.
func TestMethods(t *testing.T) {
	t.Parallel()
	for inside, want := range map[string][]string{
		`location / { proxy_pass http://a; }`:                                                                      {},
		`location / { limit_except GET PUT { deny all; } proxy_pass http://a; }`:                                   {"PUT"},
		`location / { if ($request_method = OPTIONS) { return 204; } proxy_pass http://a; }`:                       {"OPTIONS"},
		`if ($request_method !~ ^(GET|DELETE|PATCH)$) { return 405; } location / { proxy_pass http://a; }`:         {"PATCH", "DELETE"},
		`location / { if ($http_x = PUT) { return 400; } proxy_pass http://a; }`:                                   {},
		`location /b/ { limit_except PUT { deny all; } proxy_pass http://b; } location / { proxy_pass http://a; }`: {},
	} {
		c, err := Read(Map(map[string]string{"nginx.conf": "events {} http { server { listen 80; " + inside + " } }"}), "nginx.conf", "/etc/nginx")
		if err != nil {
			t.Fatal(err)
		}
		for _, route := range c.Routes(t.Context()) {
			if route.Match != "/" {
				continue
			}
			if got := Methods(route.Location); !slices.Equal(got, want) {
				t.Errorf("%s: %q, not %q", inside, got, want)
			}
		}
	}
}
