package backend

import (
	"crypto/tls"
	"fmt"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/lab"
)

// A Certificate is what a real server shows to its clients.
type Certificate struct {
	Name string // "app.internal"
	// Authority signs it; nil makes it sign itself.
	Authority *fakeupstream.Authority
	Expired   bool // it was good for the year 2000; for one that an authority signs
}

// Files are the certificate and its key, as files of a server's config.
func (c Certificate) Files(cert, key string) []lab.File {
	certPEM, keyPEM, err := c.pem()
	if err != nil {
		panic(fmt.Sprintf("making the certificate of %q: %v", c.Name, err)) // nothing in it depends on the surroundings
	}
	return []lab.File{{Path: cert, Data: certPEM}, {Path: key, Data: keyPEM, Mode: 0o600}}
}

func (c Certificate) pem() (cert, key string, err error) {
	var pair tls.Certificate
	switch {
	case c.Authority == nil:
		pair, err = fakeupstream.SelfSigned(c.Name)
	case c.Expired:
		pair, err = c.Authority.IssueExpired(c.Name)
	default:
		pair, err = c.Authority.Issue(c.Name)
	}
	if err != nil {
		return "", "", err
	}
	return fakeupstream.PEM(pair)
}
