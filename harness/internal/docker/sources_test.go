package docker

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

func TestTheDebianMirrorComesFromTheMachinesOwnSources(t *testing.T) {
	cases := map[string]struct {
		list, stanzas string
		want          string
	}{
		"none": {want: ""},
		"new format, own release": {
			stanzas: `# comment
Types: deb deb-src
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates bookworm-backports
Components: main
# inside
  contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/security
Suites: bookworm-security
Components: main
`,
			want: "deb http://mirror.example/debian bookworm main\n" +
				"deb http://mirror.example/debian bookworm-updates main\n" +
				"deb http://mirror.example/security bookworm-security main\n",
		},
		"old format, another release": {
			list: `# deb http://off.example/debian trixie main
deb [signed-by=/k.gpg arch=amd64] https://mirror.example/debian trixie main non-free # here
deb-src https://mirror.example/debian trixie main
	deb https://mirror.example/debian trixie main
deb https://other.example/tools stable-tools main
`,
			want: "deb https://mirror.example/debian bookworm main\n",
		},
		"security as it was named of old": {
			list: "deb http://m.example/debian buster main\ndeb http://m.example/security buster/updates main\n",
			want: "deb http://m.example/debian bookworm main\ndeb http://m.example/security bookworm-security main\n",
		},
		"switched off, sources only, and strangers": {
			stanzas: `Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main

Types: deb-src
URIs: http://src.example/debian
Suites: bookworm
Components: main

Types: deb
URIs: http://strange.example/
Suites: nodistro
Components: main
`,
		},
		"ubuntu": {list: "deb http://u.example/ubuntu noble main universe\ndeb http://u.example/ubuntu noble-security main\n"},
		"a third party under Debian's name": {
			list: "deb http://t.example/nginx bookworm nginx\n",
		},
		"security alone is no system": {list: "deb http://m.example/security bookworm-security main\n"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			dir := t.TempDir()
			g.Expect(os.MkdirAll(filepath.Join(dir, "sources.list.d"), 0o755)).To(Succeed())
			g.Expect(os.WriteFile(filepath.Join(dir, "sources.list"), []byte(c.list), 0o644)).To(Succeed())
			g.Expect(os.WriteFile(filepath.Join(dir, "sources.list.d", "debian.sources"), []byte(c.stanzas), 0o644)).To(Succeed())
			all, err := machineSources(dir)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(debianList(all, ownSuite)).To(Equal(c.want))
		})
	}
}

func TestAMachineWithoutAptHasNoSources(t *testing.T) {
	g := NewWithT(t)
	all, err := machineSources(filepath.Join(t.TempDir(), "none"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(all).To(BeEmpty())
}

func TestOfAnotherReleaseOnlyWhatTheMirrorIsSureToHave(t *testing.T) {
	machine := []source{
		{"http://m.example/debian", "bookworm", []string{"main"}},
		{"http://m.example/debian", "bookworm-updates", []string{"main"}},
		{"http://m.example/security", "bookworm-security", []string{"main"}},
	}
	g := NewWithT(t)
	g.Expect(debianList(machine, "bullseye")).To(Equal("deb http://m.example/debian bullseye main\n"))
	g.Expect(debianList(machine, "sid")).To(Equal("deb http://m.example/debian sid main\n"))
	for i := range machine {
		machine[i].suite = strings.Replace(machine[i].suite, "bookworm", "trixie", 1)
	}
	g.Expect(debianList(machine, "trixie")).To(Equal("deb http://m.example/debian trixie main\n" +
		"deb http://m.example/debian trixie-updates main\n" +
		"deb http://m.example/security trixie-security main\n"))
}
