package example

import (
	"flag"
	"testing"
)

func TestWithout_AddsToWhatIsSkipped(t *testing.T) {
	skip := flag.Lookup("test.skip").Value
	given := skip.String()
	t.Cleanup(func() { _ = skip.Set(given) })
	for _, c := range []struct{ given, want string }{{"", "^Example"}, {"TestSlow", "TestSlow|^Example"}} {
		_ = skip.Set(c.given)
		if without("^Example"); skip.String() != c.want {
			t.Errorf("with -skip %q: %q, not %q", c.given, skip.String(), c.want)
		}
	}
}
