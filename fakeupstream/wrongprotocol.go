package fakeupstream

import "fmt"

// WrongProtocol speaks another protocol than the client expects. On a connection of Any that speaks
// that very one, and on those of uwsgi and SCGI, whose clients take an HTTP answer for one of
// theirs, it speaks "fastcgi" in place of "http", and "http" in place of others.
type WrongProtocol struct {
	// Speak is what it speaks instead; it must be given.
	Speak Tongue `json:"speak,omitempty"`
	// End is how the connection ends; empty means EndClose.
	End Ending `json:"end,omitempty"`
}

// Tongue is a protocol that WrongProtocol can speak.
type Tongue string

// The tongues. SSH and SMTP greet at once, before anything is read; the rest answer.
const (
	SpeakSSH      Tongue = "ssh"       // the banner of an SSH server
	SpeakSMTP     Tongue = "smtp"      // the greeting of a mail server
	SpeakHTTP     Tongue = "http"      // an HTTP answer on a FastCGI port
	SpeakFastCGI  Tongue = "fastcgi"   // a FastCGI answer on an HTTP port
	SpeakTLSAlert Tongue = "tls-alert" // a TLS alert (unexpected_message) in answer to plain text
	SpeakHTTP2    Tongue = "http2"     // HTTP/2 SETTINGS and GOAWAY frames
	SpeakHTTP09   Tongue = "http09"    // a body with no header, as in HTTP/0.9
)

// said is what each of them says.
func (t Tongue) said() []byte {
	switch t {
	case SpeakSSH:
		return []byte("SSH-2.0-OpenSSH_9.9\r\n")
	case SpeakSMTP:
		return []byte("220 mail.example ESMTP\r\n")
	case SpeakHTTP:
		return append(appendHead(nil, &Well{}, HTTP, keeping), okBody...)
	case SpeakFastCGI:
		out := append(appendHead(nil, &Well{}, FastCGI, keeping), okBody...)
		b := appendRecord(appendStream(nil, fcgiStdout, 1, out), fcgiStdout, 1, nil)
		return appendEnd(b, 1, 0, fcgiComplete)
	case SpeakTLSAlert:
		return tlsAlert(10)
	case SpeakHTTP2:
		// An empty SETTINGS, then GOAWAY with PROTOCOL_ERROR: RFC 9113, 6.5 and 6.8.
		return []byte("\x00\x00\x00\x04\x00\x00\x00\x00\x00" + "\x00\x00\x08\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01")
	case SpeakHTTP09:
		return []byte("<html>ok</html>\n")
	}
	return nil
}

// fits reports whether a client of the protocol takes what is said for a good answer.
func (t Tongue) fits(protocol string) bool {
	switch t {
	case SpeakHTTP:
		return protocol == HTTP || protocol == UWSGI || protocol == SCGI
	case SpeakFastCGI:
		return protocol == FastCGI
	case SpeakHTTP2:
		return protocol == GRPC
	}
	return false
}

func (b WrongProtocol) String() string {
	return fmt.Sprintf("speak %s%s", b.Speak, b.End.then(EndClose))
}

func (b WrongProtocol) ending() Ending { return b.End }

func (b WrongProtocol) Check(on Endpoint) error {
	all := []Tongue{SpeakSSH, SpeakSMTP, SpeakHTTP, SpeakFastCGI, SpeakTLSAlert, SpeakHTTP2, SpeakHTTP09}
	if b.Speak.fits(on.Protocol) {
		return fmt.Errorf("speak: %q is what the listener speaks anyway", b.Speak)
	}
	return first(required("speak", b.Speak, all...), b.End.check(on))
}

func (b WrongProtocol) Serve(x *Exchange) error {
	speak := b.Speak
	if speak == SpeakSSH || b.Speak == SpeakSMTP {
		x.recordEarly()
	} else if err := x.ReadRequest(); err != nil {
		return err
	}
	if speak.fits(x.lang.protocol()) {
		speak = SpeakHTTP
		if b.Speak == SpeakHTTP {
			speak = SpeakFastCGI
		}
	}
	return x.sendAndEnd(speak.said(), b.End)
}
