package provision

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	_ "embed"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"strings"
	"sync"
	"time"
)

// Group is the group ffdhe2048 of RFC 7919 in PEM: as strong as any dhparam, and made in no time.
//
//go:embed data/ffdhe2048.pem
var group string

// secrets makes certificates, all from one authority and, as making an RSA key takes a while, with one key of each kind.
type secrets struct {
	ca    *x509.Certificate
	caKey crypto.Signer
	caPEM string
	rsa   crypto.Signer
	ec    crypto.Signer
	next  int64
}

var newSecrets = sync.OnceValues(func() (*secrets, error) {
	s := &secrets{next: 1}
	var err error
	if s.rsa, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		return nil, err
	}
	if s.ec, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	if s.caKey, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	form := s.form("badgateway check")
	form.IsCA, form.BasicConstraintsValid = true, true
	form.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	form.SubjectKeyId = []byte("badgateway")
	der, err := x509.CreateCertificate(rand.Reader, form, form, s.caKey.Public(), s.caKey)
	if err != nil {
		return nil, err
	}
	s.caPEM = inPEM("CERTIFICATE", der)
	s.ca, err = x509.ParseCertificate(der)
	return s, err
})

// form is good on every clock that the lab may set.
func (s *secrets) form(name string) *x509.Certificate {
	s.next++
	return &x509.Certificate{SerialNumber: big.NewInt(s.next), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2099, 12, 31, 0, 0, 0, 0, time.UTC)}
}

var making sync.Mutex

// pair makes a certificate for these names and its key, both in PEM. RSA is what every list of ciphers allows, unless the
// file's name says otherwise.
func (s *secrets) pair(names []string, elliptic bool) (certificate, key string, err error) {
	making.Lock()
	defer making.Unlock()
	names = asSubjects(names)
	form := s.form(names[0])
	form.KeyUsage = x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment
	form.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			form.IPAddresses = append(form.IPAddresses, ip)
		} else {
			form.DNSNames = append(form.DNSNames, n)
		}
	}
	signer := s.rsa
	if elliptic {
		signer = s.ec
	}
	der, err := x509.CreateCertificate(rand.Reader, form, s.ca, signer.Public(), s.caKey)
	if err != nil {
		return "", "", fmt.Errorf("making a certificate for %s: %w", strings.Join(names, ", "), err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(signer)
	if err != nil {
		return "", "", err
	}
	return inPEM("CERTIFICATE", der), inPEM("PRIVATE KEY", raw), nil
}

// asSubjects makes what a server_name says names for a certificate: no regular expressions, no catch-alls.
func asSubjects(names []string) []string {
	var all []string
	seen := map[string]bool{}
	add := func(n string) {
		if !seen[n] && len(all) < 100 {
			seen[n] = true
			all = append(all, n)
		}
	}
	for _, n := range names {
		n = strings.ToLower(n)
		switch {
		case n == "" || n == "_" || strings.ContainsAny(n, "~$ ") || !ascii(n):
		case strings.HasPrefix(n, "."):
			add(n[1:])
			add("*" + n)
		case strings.HasPrefix(n, "*.") && !strings.Contains(n[2:], "*"), !strings.Contains(n, "*"):
			add(n)
		}
	}
	if len(all) == 0 {
		all = []string{"localhost"}
	}
	return all
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] < 33 || s[i] > 126 {
			return false
		}
	}
	return true
}

// list is an empty list of revoked certificates, of an authority given in PEM or, without one, of our own.
func (s *secrets) list(ca, caKey string) (string, error) {
	issuer, signer := s.ca, s.caKey
	if ca != "" {
		pair, err := tls.X509KeyPair([]byte(ca), []byte(caKey))
		if err != nil {
			return "", fmt.Errorf("reading the authority of the lab's upstreams: %w", err)
		}
		issuer = pair.Leaf
		var ok bool
		if signer, ok = pair.PrivateKey.(crypto.Signer); !ok {
			return "", fmt.Errorf("the authority's key can't sign")
		}
	}
	der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{Number: big.NewInt(1),
		ThisUpdate: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), NextUpdate: time.Date(2099, 12, 31, 0, 0, 0, 0, time.UTC)}, issuer, signer)
	if err != nil {
		return "", fmt.Errorf("making a list of revoked certificates: %w", err)
	}
	return inPEM("X509 CRL", der), nil
}

func inPEM(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// isPair reports whether a certificate and a key are readable and belong together.
func isPair(certificate, key string) bool {
	_, err := tls.X509KeyPair([]byte(certificate), []byte(key))
	return err == nil
}

// readable reports whether a text holds PEM of a kind ("CERTIFICATE", "PRIVATE KEY") that can be read without a password.
func readable(text, kind string) bool {
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return false
		}
		if strings.Contains(block.Type, kind) && !strings.Contains(block.Type, "ENCRYPTED") && block.Headers["Proc-Type"] == "" {
			if kind != "CERTIFICATE" {
				return true
			}
			_, err := x509.ParseCertificate(block.Bytes)
			return err == nil
		}
	}
}
