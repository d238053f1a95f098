package docker

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/moby/moby/client"
)

// candidate is an address at which an engine may answer.
type candidate struct {
	host  string
	certs string // folder with ca.pem, cert.pem and key.pem, "" for none
	named bool   // the user named it: no other may be taken in its place
	way   string // how it was come by: "DOCKER_HOST"
}

// usual is the way to an engine that nobody has named.
const usual = "its usual socket"

// candidates returns the addresses to try, in order. Where the user named one,
// by any of the ways that docker's own client or testcontainers read, it is
// the only one: silently working on another engine would be a nasty surprise.
func candidates() ([]candidate, error) {
	home, _ := os.UserHomeDir()
	properties := readProperties(filepath.Join(home, ".testcontainers.properties"))
	if h := properties["tc.host"]; h != "" {
		return []candidate{{host: h, named: true, way: "tc.host in ~/.testcontainers.properties"}}, nil
	}
	if h := os.Getenv("DOCKER_HOST"); h != "" {
		return []candidate{{host: h, certs: certsFor(h, home), named: true, way: "DOCKER_HOST"}}, nil
	}
	if c, err := contextCandidate(home); err != nil || c.host != "" {
		return []candidate{c}, err
	}
	if h := properties["docker.host"]; h != "" {
		c := candidate{host: h, named: true, way: "docker.host in ~/.testcontainers.properties"}
		if properties["docker.tls.verify"] == "1" {
			c.certs = properties["docker.cert.path"]
		}
		return []candidate{c}, nil
	}
	found := []candidate{{host: client.DefaultDockerHost, way: usual}}
	if runtime.GOOS == "windows" {
		return found, nil
	}
	for _, s := range usualSockets(home) {
		if _, err := os.Stat(s); err == nil {
			found = append(found, candidate{host: "unix://" + s, way: usual})
		}
	}
	return found, nil
}

// certsFor returns the folder of the certificates for an address of DOCKER_HOST,
// as docker's own client has it: where TLS is asked for and no folder is named,
// it is that of its config.
func certsFor(host, home string) string {
	if !strings.HasPrefix(host, "tcp://") || os.Getenv("DOCKER_CERT_PATH") != "" || os.Getenv("DOCKER_TLS_VERIFY") == "" {
		return ""
	}
	return dockerConfig(home)
}

// dockerConfig is the folder of docker's own config.
func dockerConfig(home string) string {
	if dir := os.Getenv("DOCKER_CONFIG"); dir != "" {
		return dir
	}
	return filepath.Join(home, ".docker")
}

// contextCandidate returns the address of docker's current context, or an
// empty one where that is the default.
func contextCandidate(home string) (candidate, error) {
	dir := dockerConfig(home)
	name := os.Getenv("DOCKER_CONTEXT")
	if name == "" {
		var config struct {
			CurrentContext string `json:"currentContext"`
		}
		// A config that can't be read is docker's affair: the default holds.
		if text, err := os.ReadFile(filepath.Join(dir, "config.json")); err == nil {
			_ = json.Unmarshal(text, &config)
		}
		name = config.CurrentContext
	}
	if name == "" || name == "default" {
		return candidate{}, nil
	}
	// Docker files a context under the hash of its name.
	sum := sha256.Sum256([]byte(name))
	id := hex.EncodeToString(sum[:])
	var meta struct {
		Endpoints map[string]struct{ Host string }
	}
	text, err := os.ReadFile(filepath.Join(dir, "contexts", "meta", id, "meta.json"))
	if err == nil {
		err = json.Unmarshal(text, &meta)
	}
	if err == nil && meta.Endpoints["docker"].Host == "" {
		err = fmt.Errorf("it names no address")
	}
	if err != nil {
		return candidate{}, &NoEngineError{
			Host:   "docker context " + name,
			Err:    err,
			Remedy: "choose another with `docker context use`, or set DOCKER_HOST",
		}
	}
	c := candidate{host: meta.Endpoints["docker"].Host, named: true, way: "the docker context " + name}
	certs := filepath.Join(dir, "contexts", "tls", id, "docker")
	if _, err := os.Stat(filepath.Join(certs, "cert.pem")); err == nil {
		c.certs = certs
	}
	return c, nil
}

// readProperties reads the simple "name=value" lines of a properties file; a
// file that is not there has none.
func readProperties(path string) map[string]string {
	values := map[string]string{}
	f, err := os.Open(path)
	if err != nil {
		return values
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		name, value, ok := strings.Cut(lines.Text(), "=")
		if name = strings.TrimSpace(name); ok && !strings.HasPrefix(name, "#") {
			values[name] = strings.TrimSpace(value)
		}
	}
	return values
}
