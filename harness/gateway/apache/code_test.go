package apache_test

import (
	"testing"

	"github.com/badgateway/badgateway/harness/gateway/apache"
)

func TestCode_IsThatOfTheWords(t *testing.T) {
	t.Parallel()
	for low, want := range map[string]string{
		"[error] ajp_read_header: ajp_ilink_receive failed":                     "ah00992",
		"[error] proxy: error reading response headers from app:8080":           "ah00860",
		"[error] proxy: error reading response":                                 "ah01110",
		"[proxy:error] ah00957: http: attempt to connect to 10.0.0.5:80 failed": "", // it has one
		"[notice] nothing that is known":                                        "",
		"":                                                                      "",
	} {
		if got := apache.Code(low); got != want {
			t.Errorf("%q: want %q, got %q", low, want, got)
		}
	}
}
