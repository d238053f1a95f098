package nginxconf

import "testing"

// A FastCGI location that names its script is reached: the script is taken to be there.
func TestScripts(t *testing.T) {
	for block, reached := range map[string]bool{
		"location = /front.php { try_files $uri =404; fastcgi_pass app:9000; }":                  true,
		"location ~ ^/mail/setup { try_files /setup.php =404; fastcgi_pass app:9000; }":          true,
		"location ~ ^/mail/setup { try_files /page.html $uri =404; fastcgi_pass app:9000; }":     false, // whether the page is there says the vhost's owner
		"location ~ ^/mail/setup { try_files /a.php /b.php /c.php; fastcgi_pass app:9000; }":     false, // it goes to the last
		"location ~ ^/mail/setup { try_files /setup.php =404; proxy_pass http://app:9000; }":     false,
		"location ~ ^/mail/setup { try_files /$arg_x.php =404; fastcgi_pass app:9000; }":         false,
		"location = /front { try_files $uri =404; fastcgi_pass app:9000; }":                      false,
		"location ~ ^/mail/setup { try_files /a.php /b.php =404; fastcgi_pass app:9000; }":       true,
		"location ~ ^/mail/setup$ { try_files /../x.php =404; fastcgi_pass app:9000; }":          true,
		"location ^~ /front.php { try_files /front.php$is_args =404; fastcgi_pass app:9000; }":   false,
		"location = /front.php { if (!-f $request_filename) { return 404; } fastcgi_pass x:1; }": true,
	} {
		config, err := Read(Map(map[string]string{"nginx.conf": "http { server { listen 80; root /srv; " + block + " } }"}), "nginx.conf", "")
		if err != nil {
			t.Fatal(err)
		}
		routes := config.Routes(t.Context())
		if len(routes) != 1 || (len(routes[0].Candidates) > 0) != reached {
			t.Errorf("%s: %d routes, the first with %d candidates (%s)", block, len(routes), len(routes[0].Candidates), routes[0].UnreachableReason)
		}
	}
}
