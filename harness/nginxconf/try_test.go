package nginxconf_test

import (
	"fmt"
	"os"
	"testing"
)

func TestTry(t *testing.T) {
	text, _ := os.ReadFile("/tmp/nc_try.conf")
	for _, l := range told(read(t, string(text)).Ways(), 6) {
		fmt.Println(l)
	}
}
