package nginxconf_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestSlow(t *testing.T) {
	fs, _ := filepath.Glob("/tmp/ncslow/*")
	for _, f := range fs {
		b, _ := os.ReadFile(f)
		s := time.Now()
		c := read(t, string(b))
		w := c.Ways()
		fmt.Println(f, len(w), time.Since(s))
	}
}
