package fakeupstream

import (
	"testing"

	. "github.com/onsi/gomega"
)

func TestFastCGIBadRecord(t *testing.T) {
	t.Parallel()
	stdout := appendRecord(nil, fcgiStdout, 1, []byte(okCGI))
	rest := appendEnd(appendRecord(nil, fcgiStdout, 1, nil), 1, 0, fcgiComplete)
	good := string(stdout) + string(rest)
	changed := func(at int, to byte) string {
		b := []byte(good)
		eachRecord(b, func(r []byte) { r[at] = to })
		return string(b)
	}
	stdin := []byte(good)
	stdin[1], stdin[len(stdout)+1] = fcgiStdin, fcgiStdin
	for fault, want := range map[RecordFault]string{
		RecordVersion:   changed(0, 2),
		RecordRequestID: changed(3, 2),
		RecordType:      string(appendRecord(nil, 200, 1, []byte("what is this?"))) + good,
		RecordTruncated: string(stdout[:len(stdout)-8]),
		RecordNoStdout:  string(stdin),
	} {
		t.Run(string(fault), func(t *testing.T) {
			got, how := exchangeAll(t, fcgiWith(t, FastCGIBadRecord{Fault: fault}), fcgiRequest(true, ""))
			NewWithT(t).Expect(got).To(Equal(want))
			NewWithT(t).Expect(how).To(Equal(fin))
		})
	}
}
