package fakeupstream

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"strings"
	"time"
)

// Authority is a certificate authority for tests: an ECDSA P-256 certificate and its
// private key, both in PEM.
type Authority struct {
	Certificate string `json:"certificate"`
	Key         string `json:"key"`
}

// Certificates are valid from longAgo to farAhead, so that they are good on any clock
// that a test may set.
var (
	longAgo  = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	farAhead = time.Date(2099, 12, 31, 23, 59, 59, 0, time.UTC)
)

// NewAuthority makes the authority of that name. The same name gives the same bytes in
// every process: the key is derived from the name, which anyone can do. It is for tests.
func NewAuthority(name string) Authority {
	key := keyFrom("authority " + name)
	t := template(name, longAgo, farAhead)
	t.IsCA, t.BasicConstraintsValid = true, true
	t.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	der, err := x509.CreateCertificate(nil, t, t, &key.PublicKey, key)
	if err != nil {
		panic(err) // nothing in it depends on the surroundings
	}
	raw, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		panic(err)
	}
	return Authority{Certificate: inPEM("CERTIFICATE", der), Key: inPEM("EC PRIVATE KEY", raw)}
}

// Issue makes a certificate for these DNS names and IP addresses, for servers and clients.
// The first name is also its common name.
func (a Authority) Issue(names ...string) (tls.Certificate, error) {
	return a.issue(names, longAgo, farAhead)
}

// IssueExpired makes one that was good for the year 2000, and is not since.
func (a Authority) IssueExpired(names ...string) (tls.Certificate, error) {
	return a.issue(names, longAgo, longAgo.AddDate(1, 0, 0))
}

// Pool holds the authority's certificate, as crypto/tls wants it.
func (a Authority) Pool() (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(a.Certificate)) {
		return nil, errors.New("certificate: no certificate in PEM in it")
	}
	return pool, nil
}

func (a Authority) pair() (tls.Certificate, error) {
	if a.Certificate == "" || a.Key == "" {
		return tls.Certificate{}, errors.New("give both certificate and key, in PEM")
	}
	pair, err := tls.X509KeyPair([]byte(a.Certificate), []byte(a.Key))
	if err != nil {
		return pair, err
	}
	if !pair.Leaf.IsCA {
		return pair, fmt.Errorf("certificate: %q is not a certificate authority's", pair.Leaf.Subject)
	}
	return pair, nil
}

func (a Authority) issue(names []string, from, to time.Time) (tls.Certificate, error) {
	if len(names) == 0 {
		return tls.Certificate{}, errors.New("a certificate needs a name")
	}
	ca, err := a.pair()
	if err != nil {
		return tls.Certificate{}, err
	}
	key := keyFrom("certificate " + strings.Join(names, " "))
	return sign(leaf(names, from, to), ca.Leaf, key, ca.PrivateKey)
}

// SelfSigned makes a certificate for these names that no authority signed.
func SelfSigned(names ...string) (tls.Certificate, error) {
	if len(names) == 0 {
		return tls.Certificate{}, errors.New("a certificate needs a name")
	}
	key := keyFrom("self-signed " + strings.Join(names, " "))
	t := leaf(names, longAgo, farAhead)
	return sign(t, t, key, key)
}

func sign(t, parent *x509.Certificate, key *ecdsa.PrivateKey, signer any) (tls.Certificate, error) {
	der, err := x509.CreateCertificate(nil, t, parent, &key.PublicKey, signer)
	if err != nil {
		return tls.Certificate{}, err
	}
	l, err := x509.ParseCertificate(der)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: l}, err
}

func leaf(names []string, from, to time.Time) *x509.Certificate {
	t := template(names[0], from, to)
	t.KeyUsage = x509.KeyUsageDigitalSignature
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, n)
		}
	}
	return t
}

func template(name string, from, to time.Time) *x509.Certificate {
	serial := sha256.Sum256([]byte(name + from.String() + to.String()))
	return &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial[:8]),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    from,
		NotAfter:     to,
	}
}

// keyFrom derives a P-256 key from a text. A hash that is no valid key is as good as
// impossible; if it ever comes, the next is taken.
func keyFrom(text string) *ecdsa.PrivateKey {
	sum := sha256.Sum256([]byte("badgateway test key: " + text))
	for {
		key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), sum[:])
		if err == nil {
			return key
		}
		sum = sha256.Sum256(sum[:])
	}
}

// PEM is a certificate of this package and its key as servers read them from files.
func PEM(c tls.Certificate) (certificate, key string, err error) {
	own, ok := c.PrivateKey.(*ecdsa.PrivateKey)
	if !ok || len(c.Certificate) == 0 {
		return "", "", errors.New("that is no certificate with an ECDSA key")
	}
	raw, err := x509.MarshalECPrivateKey(own)
	if err != nil {
		return "", "", err
	}
	return inPEM("CERTIFICATE", c.Certificate[0]), inPEM("EC PRIVATE KEY", raw), nil
}

func inPEM(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}
