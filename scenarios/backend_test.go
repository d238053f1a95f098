package scenarios

import (
	"slices"
	"testing"

	"github.com/badgateway/badgateway/harness/lab"
)

func TestBackends_NameImagesThatThereAre(t *testing.T) {
	known := append(lab.Images(), "") // none is the gateway's
	for _, s := range All() {
		for _, v := range s.Variants {
			for _, u := range v.Upstreams {
				if u.Real != nil && !slices.Contains(known, u.Real.Image) {
					t.Errorf("%s: the image %q of %s is not in the table of harness/internal/images/images.go", s.ID, u.Real.Image, u.Name)
				}
			}
		}
	}
}
