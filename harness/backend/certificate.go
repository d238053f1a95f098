package backend

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/lab"
)

// A Certificate is what a real server shows to its clients. It is made anew in every program that asks for it.
type Certificate struct {
	Name string // "app.internal"
	// Authority signs it; nil makes it sign itself.
	Authority *fakeupstream.Authority
	Expired   bool // it was good for the year 2000
}

// Files are the certificate and its key, as files of a server's config.
func (c Certificate) Files(cert, key string) []lab.File {
	certPEM, keyPEM, err := c.pair()
	if err != nil {
		panic(fmt.Sprintf("making the certificate of %s: %v", c.Name, err)) // nothing in it depends on the surroundings
	}
	return []lab.File{{Path: cert, Data: certPEM}, {Path: key, Data: keyPEM, Mode: 0o600}}
}

func (c Certificate) pair() (cert, key string, err error) {
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", err
	}
	serial := sha256.Sum256([]byte(c.Name))
	leaf := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial[:8]),
		Subject:      pkix.Name{CommonName: c.Name},
		DNSNames:     []string{c.Name},
		NotBefore:    time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(2099, 12, 31, 0, 0, 0, 0, time.UTC), // good on any clock that is moved
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if c.Expired {
		leaf.NotAfter = leaf.NotBefore.AddDate(1, 0, 0)
	}
	parent, signer := leaf, any(own)
	if c.Authority != nil {
		pair, err := tls.X509KeyPair([]byte(c.Authority.Certificate), []byte(c.Authority.Key))
		if err != nil {
			return "", "", err
		}
		parent, signer = pair.Leaf, pair.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, parent, &own.PublicKey, signer)
	if err != nil {
		return "", "", err
	}
	raw, err := x509.MarshalECPrivateKey(own)
	if err != nil {
		return "", "", err
	}
	return inPEM("CERTIFICATE", der), inPEM("EC PRIVATE KEY", raw), nil
}

func inPEM(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}
