package nginxconf_test

import (
	"fmt"
	"github.com/badgateway/badgateway/harness/nginxconf"
	"math/rand"
	"os"
	"testing"
	"time"
)

func TestMut(t *testing.T) {
	b, _ := os.ReadFile("testdata/everything.conf")
	r := rand.New(rand.NewSource(1))
	end := time.Now().Add(25 * time.Second)
	n := 0
	for time.Now().Before(end) {
		c := append([]byte{}, b...)
		for range 1 + r.Intn(6) {
			i := r.Intn(len(c))
			switch r.Intn(3) {
			case 0:
				j := i + r.Intn(min(40, len(c)-i))
				c = append(c[:i], c[j:]...)
			case 1:
				c[i] = "$@~{};/ \n\"abc(*+\\"[r.Intn(17)]
			case 2:
				j := i + r.Intn(min(60, len(c)-i))
				k := r.Intn(len(c))
				c = append(c[:k:k], append(append([]byte{}, c[i:j]...), c[k:]...)...)
			}
		}
		os.WriteFile("/tmp/nc_cur", c, 0o644)
		s := time.Now()
		cf, err := nginxconf.Read(nginxconf.Map(map[string]string{"nginx.conf": string(c)}), "nginx.conf", "/etc/nginx")
		if err == nil {
			cf.Ways()
		}
		if d := time.Since(s); d > 400*time.Millisecond {
			fmt.Println("slow", d)
			os.WriteFile(fmt.Sprintf("/tmp/nc_slow%d", n), c, 0o644)
		}
		n++
	}
	fmt.Println(n)
}
