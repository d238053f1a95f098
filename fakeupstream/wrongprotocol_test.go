package fakeupstream

import (
	"testing"

	. "github.com/onsi/gomega"
)

func TestWrongProtocol(t *testing.T) {
	t.Parallel()
	for tongue, want := range map[Tongue]string{
		SpeakSSH:      "SSH-2.0-OpenSSH_9.9\r\n",
		SpeakSMTP:     "220 mail.example ESMTP\r\n",
		SpeakTLSAlert: "\x15\x03\x03\x00\x02\x02\x0a",
		SpeakHTTP09:   "<html>ok</html>\n",
		SpeakHTTP2:    "\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x08\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01",
	} {
		t.Run(string(tongue), func(t *testing.T) {
			got, how := exchangeAll(t, httpWith(t, WrongProtocol{Speak: tongue}), getRoot)
			NewWithT(t).Expect(got).To(Equal(want))
			NewWithT(t).Expect(how).To(Equal(fin))
		})
	}
}

func TestWrongProtocol_SpeaksTheOther(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	got, _ := exchangeAll(t, fcgiWith(t, WrongProtocol{Speak: SpeakHTTP}), fcgiRequest(true, ""))
	g.Expect(got).To(Equal(okHTTP))
	got, _ = exchangeAll(t, httpWith(t, WrongProtocol{Speak: SpeakFastCGI}), getRoot)
	out, _, end := fcgiStreams(got)
	g.Expect(out).To(Equal(okCGI))
	g.Expect(end).To(HaveLen(8))
}

// Those that greet do not wait for the client.
func TestWrongProtocol_GreetsFirst(t *testing.T) {
	t.Parallel()
	got, _ := readAll(t, dial(t, httpWith(t, WrongProtocol{Speak: SpeakSSH})))
	NewWithT(t).Expect(got).To(HavePrefix("SSH-"))
}
