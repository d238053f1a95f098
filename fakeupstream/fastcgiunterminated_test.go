package fakeupstream

import (
	"testing"

	. "github.com/onsi/gomega"
)

func TestFastCGIUnterminated(t *testing.T) {
	t.Parallel()
	output := string(appendStream(nil, fcgiStdout, 1, []byte(okCGI[:len(okCGI)-3]))) + string(appendStream(nil, fcgiStdout, 1, []byte("ok\n")))
	for end, want := range map[Ending]string{"": fin, EndReset: rst} {
		g := NewWithT(t)
		got, how := exchangeAll(t, fcgiWith(t, FastCGIUnterminated{End: end}), fcgiRequest(true, ""))
		g.Expect(got).To(Equal(output))
		g.Expect(how).To(Equal(want))
	}
	s := fcgiWith(t, FastCGIUnterminated{End: EndStall, EndOfStream: true})
	c := dial(t, s)
	send(t, c, fcgiRequest(true, ""))
	output += string(appendRecord(nil, fcgiStdout, 1, nil))
	NewWithT(t).Expect(read(t, c, len(output))).To(Equal(output))
	staysOpen(t, s, c)
}
