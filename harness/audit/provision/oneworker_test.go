package provision

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOneWorker(t *testing.T) {
	const rest = "events { worker_connections 64; }\nhttp { server { listen 80; } }\n"
	for _, c := range []struct{ name, conf, want, note string }{
		{"auto", "worker_processes auto;\n" + rest, "worker_processes 1;\n" + rest, `"worker_processes auto" (nginx.conf:1)`},
		{"one", "worker_processes 1;\nworker_cpu_affinity 10;\n" + rest, "worker_processes 1;\nworker_cpu_affinity 10;\n" + rest, ""},
		{"none", rest, rest, ""},
		{"quoted, on lines of its own", "user www-data;\nworker_processes # all\n\t'8' ;worker_priority 5;\n" + rest,
			"user www-data;\nworker_processes 1;\nworker_priority 5;\n" + rest, `"worker_processes 8" (nginx.conf:2)`},
		{"masks and limits", "worker_cpu_affinity 0001\n 0010;\nworker_rlimit_nofile 8192;\nworker_processes 2;\n" + rest,
			"\n\nworker_rlimit_nofile 8192;\nworker_processes 1;\n" + rest, `"worker_cpu_affinity 0001 0010" (nginx.conf:1) is left out`},
		{"elsewhere", "# worker_processes 4;\ninit_by_lua_block { worker_processes = 4; }\nhttp { server { return 200 'worker_processes 4;'; } }\n" +
			"worker_processes 3;\nevents {}\n",
			"# worker_processes 4;\ninit_by_lua_block { worker_processes = 4; }\nhttp { server { return 200 'worker_processes 4;'; } }\n" +
				"worker_processes 1;\nevents {}\n", `"worker_processes 3" (nginx.conf:4)`},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "nginx.conf")
			tree := loaded(t, file, c.conf)
			tree.OneWorker()
			if got, _, _ := tree.read(tree.Main); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
			if notes := strings.Join(tree.Notes, "\n"); !strings.Contains(notes, c.note) || (c.note == "") != (notes == "") {
				t.Errorf("notes %q, want %q", notes, c.note)
			}
			if own, err := os.ReadFile(file); err != nil || string(own) != c.conf {
				t.Errorf("the user's own file is\n%s\n%v", own, err)
			}
			for _, f := range tree.All() {
				if f.Path == tree.Main && f.Data != c.want {
					t.Errorf("what goes to the other worlds is\n%s", f.Data)
				}
			}
		})
	}
}

func TestOneWorker_InAnIncludeAndInArguments(t *testing.T) {
	dir := t.TempDir()
	const own = "worker_processes 4;\n"
	if err := os.WriteFile(filepath.Join(dir, "workers.conf"), []byte(own), 0o644); err != nil {
		t.Fatal(err)
	}
	tree := loaded(t, filepath.Join(dir, "nginx.conf"), "include workers.conf;\nevents {}\nhttp { server { listen 80; } }\n")
	tree.Args = []string{"-e", "worker_processes 5;", "-g", "daemon off; worker_cpu_affinity auto;"}
	tree.OneWorker()
	if got, _, _ := tree.read(defaultDir + "/workers.conf"); got != "worker_processes 1;\n" {
		t.Errorf("the include is %q", got)
	}
	if got := strings.Join(tree.Args, " "); got != "-e worker_processes 5; -g daemon off; " {
		t.Errorf("arguments %q", got)
	}
	tree = loaded(t, filepath.Join(dir, "nginx.conf"), "events {}\nhttp { server { listen 80; } }\n")
	tree.Args = []string{"-g", "worker_processes auto;daemon off;"}
	tree.OneWorker()
	if got := strings.Join(tree.Args, " "); got != "-g worker_processes 1;daemon off;" || len(tree.Notes) != 1 {
		t.Errorf("arguments %q, notes %q", got, tree.Notes)
	}
}

func loaded(t *testing.T, file, text string) *Tree {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	tree, err := Load(Options{Path: file})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}
