package report

import (
	"strings"
	"testing"

	"github.com/badgateway/badgateway/harness/scenario"
)

func TestRepeats_ARowForEachVariantAndWholeWhatDiffers(t *testing.T) {
	passed := sample("fpm-dead", "service", "A1", "PHP-FPM is stopped", 502)
	real := passed
	real.Variant = scenario.Real
	failed := func(got string) scenario.Evidence {
		e := passed
		e.Verdict, e.Differences = scenario.Failed, []scenario.Difference{{What: "status", Want: "502", Got: got}}
		return e
	}
	broken := passed
	broken.Verdict, broken.Error = scenario.Error, "the lab hangs"
	all := []scenario.Evidence{real, real, real, passed, failed("200"), failed("504"), failed("200"), broken}
	if !Repeated(all) {
		t.Error("it counts as run once")
	}
	out := written(func(w *strings.Builder) error { return Repeats(w, all, false) })
	const rows = "fpm-dead (real), nginx/1.22.1  3/3 passed\n" +
		"fpm-dead (fake), nginx/1.22.1  1/5 passed, 3 FAILED, 1 ERROR\n\n" +
		"2 runs came to the same; this is the first:\nfpm-dead (fake)  FAILED\n\nBroken "
	if !strings.HasPrefix(out, rows) {
		t.Errorf("it begins so:\n%s", out)
	}
	for text, want := range map[string]int{"  passed\n": 0, "fpm-dead (fake)  FAILED\n": 2, "fpm-dead (fake)  ERROR\n": 1, "came     200\n": 1, "came     504\n": 1} {
		if got := strings.Count(out, text); got != want {
			t.Errorf("%q stands %d times, not %d, in\n%s", text, got, want, out)
		}
	}
	if out := written(func(w *strings.Builder) error { return Repeats(w, []scenario.Evidence{real, real}, false) }); out != "fpm-dead (real), nginx/1.22.1  2/2 passed\n\n" {
		t.Errorf("all passed:\n%s", out)
	}
}

func TestRepeated_NotByVariantsAndGateways(t *testing.T) {
	one := sample("fpm-dead", "service", "A1", "PHP-FPM is stopped", 502)
	real, newer := one, one
	real.Variant, newer.Gateway = scenario.Real, "nginx/1.29.0"
	if Repeated([]scenario.Evidence{one, real, newer}) {
		t.Error("three that are run once count as repeated")
	}
}
