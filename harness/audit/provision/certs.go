package provision

import (
	"path"
	"strings"

	"github.com/badgateway/badgateway/harness/audit/nginxconf"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

func (st *settler) secrets() (*secrets, error) {
	var err error
	if st.t.secrets == nil {
		st.t.secrets, err = newSecrets()
	}
	return st.t.secrets, err
}

// certificates makes all pairs of certificate and key of which one is missing or can't be read, and the one that nginx
// complained of. Both are replaced, as a new key does not match an old certificate.
func (st *settler) certificates(blamed string, e startupError) (bool, error) {
	t := st.t
	type job struct {
		d, key *nginxconf.Directive
		pairFiles
	}
	var jobs []job
	var files []string
	for _, prefix := range []string{"ssl_", "proxy_ssl_", "grpc_ssl_", "uwsgi_ssl_"} {
		nth := map[*nginxconf.Directive]int{}
		for _, d := range t.find(prefix + "certificate") {
			n := nth[d.Parent]
			nth[d.Parent]++
			key := keyOf(d, prefix, n)
			if len(d.Args) != 1 || d.Args[0] == "" || key == nil || len(key.Args) != 1 {
				continue
			}
			for _, p := range st.expand(d, d.Args[0], key.Args[0]) {
				jobs = append(jobs, job{d, key, p})
				files = append(files, t.absPath(p.certificate), t.absPath(p.key))
			}
		}
	}
	st.checkPaths(files...)
	made := false
	for _, j := range jobs {
		done, err := st.onePair(j.d, j.key, j.pairFiles, blamed, e)
		if err != nil {
			return false, err
		}
		made = made || done
	}
	return made, nil
}

// keyOf is the n-th key beside the n-th certificate, or the one that is inherited.
func keyOf(d *nginxconf.Directive, prefix string, n int) *nginxconf.Directive {
	if d.Parent == nil {
		return nil
	}
	all := nginxconf.Effective(d.Parent, prefix+"certificate_key")
	switch {
	case len(all) == 0:
		return nil
	case n < len(all):
		return all[n]
	}
	return all[len(all)-1]
}

type pairFiles struct {
	certificate, key string
	names            []string
}

// expand gives the files that a pair of paths names: more than one where they hold the server's name as a variable.
func (st *settler) expand(d *nginxconf.Directive, certificate, key string) []pairFiles {
	names := namesOf(d)
	if strings.Contains(certificate, ":") && !path.IsAbs(certificate) {
		return nil // "data:" and "engine:" are no files
	}
	if !strings.Contains(certificate+key, "$") {
		return []pairFiles{{certificate, key, names}}
	}
	var all []pairFiles
	for _, n := range append(asSubjects(names), st.sniNames(d)...) {
		if strings.Contains(n, "*") {
			continue
		}
		fill := strings.NewReplacer("$ssl_server_name", n, "${ssl_server_name}", n, "$server_name", n, "$host", n, "$ssl_preread_server_name", n)
		p := pairFiles{fill.Replace(certificate), fill.Replace(key), []string{n}}
		if !strings.Contains(p.certificate+p.key, "$") {
			all = append(all, p)
		}
	}
	return all
}

// routes are those of the config, worked out once for all directives.
func (st *settler) routes(c *nginxconf.Config) []nginxconf.Route {
	if st.routesOf != c {
		st.routesOf, st.configRoutes = c, c.Routes(st.ctx)
	}
	return st.configRoutes
}

// sniNames are the names that requests will have in TLS, of the server that a directive stands in.
func (st *settler) sniNames(d *nginxconf.Directive) []string {
	c, err := st.t.Config()
	if err != nil || c == nil {
		return nil
	}
	var all []string
	for _, route := range st.routes(c) {
		for b := d.Parent; b != nil; b = b.Parent {
			if b == route.Server || b.Name == "http" {
				for _, a := range route.Candidates {
					if a.TLSName != "" && len(all) < 100 && !has(all, a.TLSName) {
						all = append(all, a.TLSName)
					}
				}
				break
			}
		}
	}
	return all
}

// namesOf are the names of the servers that a certificate is for.
func namesOf(d *nginxconf.Directive) []string {
	for b := d.Parent; b != nil; b = b.Parent {
		if b.Name == "server" {
			return serverNames(b)
		}
		if b.Name == "http" || b.Name == "stream" || b.Name == "mail" {
			var all []string
			for _, s := range b.Block {
				if s.Name == "server" {
					all = append(all, serverNames(s)...)
				}
			}
			return all
		}
	}
	return nil
}

func serverNames(server *nginxconf.Directive) []string {
	var all []string
	for _, d := range server.Block {
		if d.Name == "server_name" {
			all = append(all, d.Args...)
		}
	}
	return all
}

func (st *settler) onePair(d, key *nginxconf.Directive, p pairFiles, blamed string, e startupError) (bool, error) {
	t := st.t
	c, k := t.absPath(p.certificate), t.absPath(p.key)
	if st.made[c] && st.made[k] {
		return false, nil
	}
	ct, creal, hasC := t.read(c)
	kt, kreal, hasK := t.read(k)
	users := t.origin[creal] != "" && t.origin[kreal] != ""
	switch {
	case hasC && hasK && isPair(ct, kt):
		return false, nil
	case users && readable(ct, "CERTIFICATE") && readable(kt, "PRIVATE KEY"):
		if c == blamed || k == blamed {
			r := refuse("mistake", key.Place, "put the key there that the certificate was made for", "the key %s does not belong to the certificate %s", p.key, p.certificate)
			r.Refusal.Nginx = e.String()
			return false, r
		}
		return false, nil
	case !hasC && !hasK && c != blamed && k != blamed && st.isThere(c) && st.isThere(k):
		return false, nil // the image's own
	}
	s, err := st.secrets()
	if err != nil {
		return false, err
	}
	lower := strings.ToLower(path.Base(p.certificate))
	elliptic := strings.Contains(lower, "ecdsa") || strings.Contains(lower, "ecc")
	cert, private, err := s.pair(p.names, elliptic)
	if err != nil {
		return false, err
	}
	if c == k {
		t.put(agentapi.File{Path: c, Data: cert + private})
	} else {
		// All have one key: many servers would make it many megabytes. Workers read those that variables name.
		shared := "/etc/ssl/badgateway/rsa.key"
		if elliptic {
			shared = "/etc/ssl/badgateway/ec.key"
		}
		if !t.has(shared) {
			t.put(agentapi.File{Path: shared, Data: private})
		}
		t.put(agentapi.File{Path: c, Data: cert})
		t.put(agentapi.File{Path: k, Link: shared})
	}
	st.made[c], st.made[k] = true, true
	for _, f := range []string{c, k} {
		st.markOurs(f)
	}
	t.noteSupplied("certificate", p.certificate, "made for "+strings.Join(asSubjects(p.names), ", "), d.Place)
	if hasK || !hasC {
		t.noteSupplied("key", p.key, "made for that certificate", key.Place)
	} else {
		t.noteSupplied("key", p.key, "made, and the certificate with it, as a new key fits no other", key.Place)
	}
	return true, nil
}

// markOurs forgets that a path was the user's: what stands there now is ours.
func (st *settler) markOurs(file string) { delete(st.t.origin, file) }

// missingCertificate gives the outer http block a certificate, for fragments that leave it to it.
func (st *settler) missingCertificate(e startupError, m []string) (bool, error) {
	t := st.t
	s, err := st.secrets()
	if err != nil {
		return false, err
	}
	var names []string
	for _, d := range t.find("server") {
		names = append(names, serverNames(d)...)
	}
	cert, key, err := s.pair(names, false)
	if err != nil {
		return false, err
	}
	const c, k = "/etc/ssl/badgateway/server.crt", "/etc/ssl/badgateway/server.key"
	level := "http"
	if d := st.directive(e); d != nil && within(d, "stream") {
		level = "stream"
	}
	if !t.define(level, "ssl_certificate "+c+"; ssl_certificate_key "+k+";") {
		r := e.refusal(t, "mistake", "give the server an ssl_certificate and an ssl_certificate_key", "%s", e.text)
		return false, r
	}
	t.put(agentapi.File{Path: c, Data: cert})
	t.put(agentapi.File{Path: k, Data: key})
	t.noteSupplied("certificate", "of the servers that name none", c, t.Place(e.file, e.line))
	return true, nil
}

// authority puts a certificate of an authority to where the config trusts one: the lab's for upstreams, ours for clients.
func (st *settler) authority(d *nginxconf.Directive, file string) (bool, error) {
	t := st.t
	if st.made[file] {
		return false, nil
	}
	s, err := st.secrets()
	if err != nil {
		return false, err
	}
	text, whose := s.caPEM, "an authority of the lab's"
	if d.Name != "ssl_client_certificate" && d.Name != "ssl_trusted_certificate" && t.options.CA != "" {
		text, whose = t.options.CA, "the authority of the lab's upstreams"
	}
	t.put(agentapi.File{Path: file, Data: text})
	st.made[file] = true
	st.markOurs(file)
	t.noteSupplied("ca", d.Args[0], whose, d.Place)
	return true, nil
}

func (st *settler) revoked(d *nginxconf.Directive, file string) (bool, error) {
	t := st.t
	if st.made[file] {
		return false, nil
	}
	s, err := st.secrets()
	if err != nil {
		return false, err
	}
	ca, key := "", ""
	if d.Name != "ssl_crl" && t.options.CAKey != "" {
		ca, key = t.options.CA, t.options.CAKey
	}
	text, err := s.list(ca, key)
	if err != nil {
		return false, err
	}
	t.put(agentapi.File{Path: file, Data: text})
	st.made[file] = true
	st.markOurs(file)
	t.noteSupplied("ca", d.Args[0], "an empty list of revoked certificates", d.Place)
	return true, nil
}
