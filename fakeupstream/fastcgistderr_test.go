package fakeupstream

import (
	"testing"

	. "github.com/onsi/gomega"
)

func TestFastCGIStderr(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	got, _ := exchangeAll(t, fcgiWith(t, FastCGIStderr{Text: "oh no", Repeat: 2}), fcgiRequest(false, ""))
	out, errs, end := fcgiStreams(got)
	g.Expect(errs).To(Equal("oh nooh no"))
	g.Expect(out).To(Equal(okCGI))
	g.Expect(end).To(HaveLen(8))
	g.Expect(got[1]).To(BeEquivalentTo(fcgiStderr), "it comes first")
}

func TestFastCGIStderrOnly(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	got, how := exchangeAll(t, fcgiWith(t, FastCGIStderr{Only: true}), fcgiRequest(false, ""))
	out, errs, end := fcgiStreams(got)
	g.Expect(errs).To(Equal("PHP message: something went wrong"))
	g.Expect(out).To(BeEmpty())
	g.Expect(end).To(HaveLen(8))
	g.Expect(how).To(Equal(fin))
}
