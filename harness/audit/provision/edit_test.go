package provision

import (
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

// treeOf is a tree of files in a folder, with its config as read.
func treeOf(t *testing.T, files map[string]string) (*Tree, *nginxconf.Config) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		write(t, filepath.Join(dir, name), text)
	}
	tree, err := Load(Options{Path: dir})
	if err != nil {
		t.Fatal(err)
	}
	c, err := tree.Config()
	if err != nil {
		t.Fatal(err)
	}
	return tree, c
}

func after(t *testing.T, tree *Tree, edits ...audit.Edit) map[string]string {
	t.Helper()
	all, err := tree.Changes(edits)
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, c := range all {
		texts[c.File] = c.After
	}
	return texts
}

func TestChanges(t *testing.T) {
	g := NewWithT(t)
	main := `events {}
http {
    upstream pool { server a:80; server b:80; }
    server { # the only one
        listen 80;
        location /x { proxy_read_timeout 600s; proxy_pass http://pool; } # short
        location /y {
            include pass.inc;
            proxy_pass http://pool;
        }
        location /z {
        }
    }
}
`
	tree, c := treeOf(t, map[string]string{"nginx.conf": main, "pass.inc": "proxy_read_timeout 90s;\nproxy_buffering off;  # why\n"})
	server, read := c.Find("server")[2], c.Find("proxy_read_timeout")
	x, y, z := c.Find("location")[0], c.Find("location")[1], c.Find("location")[2]

	got := after(t, tree,
		audit.Edit{Block: x, Lines: []string{"proxy_connect_timeout 5s; # soon", "proxy_read_timeout 30s;"}, Replaces: read[:1]},
		audit.Edit{Block: server, Lines: []string{"location @down {", "    return 503;", "}"}},
		audit.Edit{Block: server, Lines: []string{"location @down {", "    return 503;", "}"}},
		audit.Edit{Block: z, Lines: []string{"return 204;"}})
	g.Expect(got).To(Equal(map[string]string{"nginx.conf": strings.NewReplacer(
		"location /x { proxy_read_timeout 600s;", "location /x { proxy_connect_timeout 5s; proxy_read_timeout 30s;",
		"{ # the only one\n", "{ # the only one\n        location @down {\n            return 503;\n        }\n",
		"location /z {\n", "location /z {\n            return 204;\n").Replace(main)}))

	got = after(t, tree, audit.Edit{Block: y, Lines: []string{"proxy_read_timeout 30s; # enough"}, Replaces: []*nginxconf.Directive{read[1], c.Find("proxy_buffering")[0]}})
	g.Expect(got).To(Equal(map[string]string{"pass.inc": "proxy_read_timeout 30s;\n  # why\n"}), "the line that goes stands in another file")

	servers := c.Find("upstream")[0].Block
	got = after(t, tree, audit.Edit{Block: c.Find("upstream")[0], Lines: []string{"server a:80 resolve;", "server b:80 resolve;"}, Replaces: servers})
	g.Expect(got["nginx.conf"]).To(ContainSubstring("{ server a:80 resolve; server b:80 resolve; }"))

	_, err := tree.Changes([]audit.Edit{
		{Block: x, Lines: []string{"proxy_read_timeout 30s;"}, Replaces: read[:1]}, {Block: x, Lines: []string{"proxy_read_timeout 20s;"}, Replaces: read[:1]}})
	g.Expect(err).To(MatchError(ContainSubstring("two mends")))
}

// A directive with a block goes with all that is in it.
func TestChanges_OfABlock(t *testing.T) {
	g := NewWithT(t)
	main := "events {}\nhttp {\n    server {\n        location / {\n            if ($a) {\n                if ($b) { return 1; }\n            }\n            return 204;\n        }\n    }\n}\n"
	tree, c := treeOf(t, map[string]string{"nginx.conf": main})
	got := after(t, tree, audit.Edit{Block: c.Find("location")[0], Lines: []string{"if ($c) { return 2; }"}, Replaces: c.Find("if")[:1]})
	g.Expect(got["nginx.conf"]).To(ContainSubstring("location / {\n            if ($c) { return 2; }\n            return 204;\n        }\n"))
	got = after(t, tree, audit.Edit{Block: c.Find("location")[0], Lines: []string{"expires 1d;"}, Replaces: c.Find("if")[:1]})
	g.Expect(got["nginx.conf"]).To(ContainSubstring("location / {\n            expires 1d;\n            return 204;\n        }\n"))
}

func TestWith(t *testing.T) {
	g := NewWithT(t)
	tree, c := treeOf(t, map[string]string{"nginx.conf": "events {}\nhttp {\n    server {\n        location / {\n            proxy_pass http://${APP};\n        }\n    }\n}\n"})
	edit := []audit.Edit{{Block: c.Find("location")[0], Lines: []string{"proxy_read_timeout 30s;"}}}
	with, err := tree.With(edit)
	g.Expect(err).NotTo(HaveOccurred())
	mended, err := with.Config()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(mended.Find("proxy_read_timeout")).To(HaveLen(1))
	again, _ := tree.Config()
	g.Expect(again.Find("proxy_read_timeout")).To(BeEmpty(), "the tree itself stays")
	changes, err := tree.Changes(edit)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(changes[0].After).To(ContainSubstring("proxy_read_timeout 30s;\n            proxy_pass http://${APP};"), "a template stays one")
}

// Lines for the http block around a fragment stand at the fragment's head.
func TestChanges_OfAFragment(t *testing.T) {
	g := NewWithT(t)
	tree, c := treeOf(t, map[string]string{"site.conf": "server {\n    location / { proxy_pass http://app; }\n}\n"})
	got := after(t, tree, audit.Edit{Block: c.Find("http")[0], Lines: []string{"server_tokens off;"}})
	g.Expect(got).To(Equal(map[string]string{"site.conf": "server_tokens off;\nserver {\n    location / { proxy_pass http://app; }\n}\n"}))
}
