package nginxconf_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestBig(t *testing.T) {
	var b strings.Builder
	b.WriteString("http { map $host $be { default d:1;\n")
	for i := range 5000 {
		fmt.Fprintf(&b, "h%d.test b%d:80;\n", i, i)
	}
	b.WriteString("} server { listen 80; error_page 502 @f; location @f { proxy_pass http://f; }\n location / { proxy_pass http://$be; }\n")
	for i := range 2000 {
		fmt.Fprintf(&b, "location /p%d/ { proxy_pass http://u%d:80; }\n location ~ ^/r%d/(.*)\\.x$ { proxy_pass http://$be; }\n", i, i, i)
	}
	b.WriteString("}}")
	s := time.Now()
	c := read(t, b.String())
	fmt.Println("read", time.Since(s))
	s = time.Now()
	w := c.Ways()
	fmt.Println(len(w), time.Since(s))
}
