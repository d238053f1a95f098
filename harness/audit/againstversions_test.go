package audit

import (
	"strings"
	"testing"
)

// Of the known changes those are listed that came after the older of two gateways and not after the newer one, in their order.
func TestCompare_ListsWhatIsDocumented(t *testing.T) {
	notes := []VersionNote{{Since: "1.29.7", Text: "c"}, {Since: "1.23.0", Text: "a"}, {Since: "1.25.1", Text: "b"}, {Since: "1.18.0", Text: "old"}}
	for _, c := range []struct{ old, new, want string }{
		{"nginx/1.22.1", "nginx/1.30.6", "a b c"},
		{"nginx/1.23.0", "nginx/1.25.1", "b"},
		{"nginx/1.25.1", "nginx/1.25.1", ""},
		{"nginx/1.30.6", "nginx/1.25.0", "-b -c"},
		{"nginx/1.24.0", "openresty/1.27.1.2", "b"},
		{"nginx/1.22.1", "angie/1.9.0", ""},
		{"nginx/1.22.1", "", ""},
	} {
		var all []string
		changes := Compare(&Report{Gateway: c.old, VersionNotes: notes[:2]}, &Report{Gateway: c.new, VersionNotes: notes})
		for _, n := range changes.Documented {
			all = append(all, map[bool]string{true: "-"}[n.Undone]+n.Text)
		}
		if got := strings.Join(all, " "); got != c.want {
			t.Errorf("%s to %s: %q, not %q", c.old, c.new, got, c.want)
		}
	}
	refused := Compare(&Report{Gateway: "nginx/1.22.1", VersionNotes: notes}, &Report{Gateway: "nginx/1.30.6", Refused: &Refusal{Message: "unknown directive"}})
	if len(refused.Documented) != 3 {
		t.Errorf("where the new one is refused: %v", refused.Documented)
	}
}
