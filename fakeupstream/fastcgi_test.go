package fakeupstream

import (
	"encoding/binary"
	"testing"

	. "github.com/onsi/gomega"
)

func TestFastCGIParams(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := fcgiWith(t)
	exchangeAll(t, s, fcgiRequest(false, "", "LONG", filler(40_000), "EMPTY", ""))
	r := s.Records()[0].Requests[0]
	g.Expect(r.Param("LONG")).To(HaveLen(40_000))
	g.Expect(r.Params).To(HaveLen(5))
	g.Expect(r.HeadCut).To(BeFalse())
}

func TestFastCGI_ManagementRecords(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	c := dial(t, fcgiWith(t))
	send(t, c, string(appendRecord(nil, fcgiGetValues, 0, appendParam(appendParam(nil, "FCGI_MPXS_CONNS", ""), "OTHER", ""))))
	want := string(appendRecord(nil, fcgiValues, 0, appendParam(nil, "FCGI_MPXS_CONNS", "0")))
	g.Expect(read(t, c, len(want))).To(Equal(want))
	send(t, c, string(appendRecord(nil, 77, 0, nil)))
	want = string(appendRecord(nil, fcgiUnknown, 0, []byte{77, 0, 0, 0, 0, 0, 0, 0}))
	g.Expect(read(t, c, len(want))).To(Equal(want))
}

func TestFastCGI_OtherRequestIDs(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	b := []byte(fcgiRequest(false, "body"))
	eachRecord(b, func(r []byte) { binary.BigEndian.PutUint16(r[2:], 513) })
	got, _ := exchangeAll(t, fcgiWith(t), string(b))
	eachRecord([]byte(got), func(r []byte) { g.Expect(r[2:4]).To(Equal([]byte{2, 1})) })
	out, _, _ := fcgiStreams(got)
	g.Expect(out).To(Equal(okCGI))
}

func TestFastCGI_DoesNotMultiplex(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	second := appendRecord(nil, fcgiBegin, 2, []byte{0, fcgiResponder, 0, 0, 0, 0, 0, 0})
	whole := fcgiRequest(false, "")
	got, _ := exchangeAll(t, fcgiWith(t), whole[:16]+string(second)+whole[16:])
	g.Expect(got).To(HavePrefix(string(appendEnd(nil, 2, 0, fcgiCantMultiplex))))
	out, _, _ := fcgiStreams(got)
	g.Expect(out).To(Equal(okCGI))
}

func TestFastCGI_RefusesOtherProtocols(t *testing.T) {
	t.Parallel()
	filter := appendRecord(nil, fcgiBegin, 1, []byte{0, 3, 0, 0, 0, 0, 0, 0})
	for name, c := range map[string]struct{ request, answer string }{
		"http":    {getRoot, ""},
		"version": {"\x02" + fcgiRequest(true, "")[1:], ""},
		"role":    {string(filter), string(appendEnd(nil, 1, 0, fcgiUnknownRole))},
		"abort":   {fcgiRequest(true, "")[:16] + string(appendRecord(nil, fcgiAbort, 1, nil)), ""},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			s := fcgiWith(t)
			got, how := exchangeAll(t, s, c.request)
			g.Expect(got).To(Equal(c.answer))
			g.Expect(how).To(Equal(fin))
			g.Expect(s.Records()[0].Requests[0].Problem).NotTo(BeEmpty())
			g.Expect(s.Records()[0].Requests[0].Raw).NotTo(BeEmpty())
		})
	}
}
