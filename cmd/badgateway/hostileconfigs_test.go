//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// hostileSize is how large the configs are, in bytes, and part how large one file of them may be.
const (
	hostileSize = 10 << 20
	part        = 1000 << 10
)

// A hostileConfig is one that nobody would write, and that is to be too much for some part of a check: files by their names.
type hostileConfig struct {
	Name  string
	Files map[string]string
}

// Write puts the files into a folder.
func (c hostileConfig) Write(folder string) error {
	for name, text := range c.Files {
		name = filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// hostileConfigs are all of them, of the full size divided by portion.
func hostileConfigs(portion int) []hostileConfig {
	n := func(full int) int { return max(2, full/portion) }
	size := hostileSize / portion
	const site = "server { listen 80; location / { proxy_pass http://app; } }\n"
	http := func(name, inside string) hostileConfig { return hostileConfig{name, split("http", inside, site)} }
	server := func(name, inside string) hostileConfig {
		return hostileConfig{name, split("server", inside, "listen 80; location / { proxy_pass http://app; }\n")}
	}
	location := func(name, inside string) hostileConfig {
		return hostileConfig{name, split("location", inside, "proxy_pass http://app;\n")}
	}
	of := func(format string) string { return lines(size/(len(format)+4), format) }
	return []hostileConfig{
		http("one string", strings.Repeat("# c\n", 10)+`log_format x "`+strings.Repeat("x", min(size, part))+`";`),
		http("strings", of(`log_format x%d "`+strings.Repeat("x", 4000)+`";`)),
		server("error pages", lines(n(290_000), "error_page 502 504 /x;")),
		server("error pages of their own", lines(n(290_000), "error_page 404 /x%d;")),
		server("headers", lines(n(290_000), "add_header X-%d x;")),
		{"headers of 3 KB by includes", map[string]string{
			"nginx.conf": "events {}\nhttp { server { listen 80;\n" + strings.Repeat("include h.inc;\n", n(29_000)) + "location / { proxy_pass http://app; } } }",
			"h.inc":      lines(10, `add_header X-%d "`+strings.Repeat("x", 3000)+`";`),
		}},
		http("servers", lines(n(60_000), "server { listen 80; server_name s%[1]d; location / { proxy_pass http://app; } }")),
		http("servers with pools", lines(n(40_000), "upstream u%[1]d { server u%[1]d:80; } server { server_name s%[1]d; location / { proxy_pass http://u%[1]d; } }")),
		http("listens", lines(n(60_000), "server { listen 127.%[1]d.0.1:80; listen unix:/s%[1]d; return 200; }")),
		server("locations", lines(n(140_000), "location /%d { proxy_pass http://app; }")),
		server("regex locations", lines(n(100_000), "location ~ ^/(a+)+%d$ { proxy_pass http://app; }")),
		server("regex locations of long programs", lines(n(9_000), "location ~ \"^/((a{10}){10}){9}%d$\" { proxy_pass http://app; }")),
		server("slow regex locations", lines(n(30), "location ~ \"^/(.?(.?.?){50}){40}b%d$\" { proxy_pass http://app; }")+lines(n(9_000), "location /%d { proxy_pass http://app; }")),
		server("rewrites of long programs", lines(n(100_000), "rewrite \"^/((a{10}){10}){9}%d$\" /x;")),
		http("map of long programs", "map $uri $x {\n"+lines(n(100_000), "\"~^/((a{10}){10}){9}%d$\" /v;")+"}\nserver { listen 81; location / { proxy_pass http://app$x; } }"),
		server("nested locations", strings.Repeat("location / {\n", min(n(9_000), 90))+strings.Repeat("}", min(n(9_000), 90))),
		server("blocks too deep", strings.Repeat("location / {\n", n(9_000))+strings.Repeat("}", n(9_000))),
		http("braces", strings.Repeat("a{", size/2)),
		http("map entries", "map $uri $x {\n"+of("/k%d /v;")+"}\n"),
		http("maps", of("map $uri $x%[1]d { default 1; /a 2; }")),
		http("map of regexes", "map $uri $x {\n"+of("~^/(k+)%d/(.*)$ /v$1;")+"}\n"),
		http("geo", "geo $x {\n"+of("10.0.0.0/24 %d;")+"}\n"),
		http("types", "types {\n"+of("a/b%[1]d x%[1]d;")+"}\n"),
		server("server names", lines(n(1_500), "server_name"+strings.ReplaceAll(lines(200, " s%[1]d"), "\n", "-%[1]d.example.com")+";")),
		http("upstreams", lines(n(140_000), "upstream u%[1]d { server u%[1]d:80; }")),
		http("one upstream", "upstream u {\n"+lines(n(250_000), "server 10.0.0.1:80 weight=%[1]d;")+"} server { listen 81; location / { proxy_pass http://u; } }"),
		http("one upstream of names", "upstream u {\n"+lines(n(200_000), "server u%[1]d.example.com;")+"} server { listen 81; location / { proxy_pass http://u; } }"),
		withFiles("missing includes", n(4_000), n(2_000)),
		{"wildcards of one another", wildcards(n(40), n(40))},
		{"wildcard of many", manyFiles(n(20_000))},
		location("Lua", "content_by_lua_block {\n"+of("local x%d = {}")+"}\n"),
		location("blocks of Lua", of("access_by_lua_block { local x%d = {} }")),
		{"NUL bytes", split("http", strings.Repeat("a\x00b;\n", size/5), site)},
		server("set", "set $x /x;\n"+of("set $x $x$x$x;")),
		server("sets", "set $x0 /x;\n"+of("set $x%[1]d $x0$x0;")),
		server("ifs", lines(n(70_000), "if ($arg_x%[1]d = 1) { set $y %[1]d; }")),
		server("rewrites", lines(n(200_000), "rewrite ^/(a+)+%d$ /x$1;")),
		server("chain of variables", "set $v0 app;\n"+chain(n(50_000), "set $v%d $vPREVIOUS;")+"location /x { proxy_pass http://$v"+fmt.Sprint(n(50_000)-1)+"; }"),
		server("passes of variables", "set $v app;\n"+lines(n(90_000), "location /%[1]d { proxy_pass http://$v-%[1]d; }")),
		http("includes", lines(n(290_000), "include /etc/nginx/mime.types;")),
		http("certificates", lines(n(30_000), "server { listen 443 ssl; server_name s%[1]d; ssl_certificate /c/%[1]d.pem; ssl_certificate_key /c/%[1]d.key; location / { proxy_pass http://app; } }")),
		http("logs", lines(n(60_000), "server { access_log /l/%[1]d/a.log; error_log /l/%[1]d/e.log; }")),
		http("modules", lines(n(290_000), "unknown_%d x;")),
		http("templates", lines(n(200_000), "add_header x ${UNKNOWN_%d};")),
		{"words", split("http", strings.Repeat("a ", size/2)+";", site)},
		{"comments", split("http", strings.Repeat("#\n", size/2), site)},
		{"Compose of aliases", besideConfig("docker-compose.yml", aliasExpansion(n(9), n(9)))},
		{"Compose of 10 MB", besideConfig("docker-compose.yml", "services:\n"+lines(min(size, part)/60, " s%[1]d:\n  volumes: [./a%[1]d:/etc/nginx/conf.d/%[1]d.conf]"))},
		{"Compose of files", many("docker-compose.%d.yml", n(10), "services:\n"+lines(min(size, part)/60, " s%[1]d:\n  volumes: [./:/etc/nginx/%[1]d]"))},
		{"deep Compose", besideConfig("docker-compose.yml", "a: "+strings.Repeat("[", min(size, part)))},
		{"Dockerfiles", many("Dockerfile.%d", n(10), "FROM nginx\n"+lines(min(size, part)/40, "COPY . /etc/nginx/%d/"))},
		{"Dockerfile of stages", many("Dockerfile.%d", n(10), lines(min(size, part)/60, "FROM nginx AS s%[1]d\nCOPY --from=s%[1]d *.conf /etc/nginx/"))},
	}
}

// lines are n lines of a format that takes the line's number.
func lines(n int, format string) string {
	var out strings.Builder
	for i := range n {
		if strings.Contains(format, "%") {
			fmt.Fprintf(&out, format, i)
		} else {
			out.WriteString(format)
		}
		out.WriteByte('\n')
	}
	return out.String()
}

func chain(n int, format string) string {
	var out strings.Builder
	for i := 1; i < n; i++ {
		fmt.Fprintf(&out, strings.ReplaceAll(format, "PREVIOUS", fmt.Sprint(i-1))+"\n", i)
	}
	return out.String()
}

// split spreads the content of a block over files that are small enough to be read; a block in it that is larger than a file has its
// own lines in includes too.
func split(block, inside, rest string) map[string]string {
	open := map[string]string{"http": "http {\n", "server": "http { server {\n", "location": "http { server { listen 80; location / {\n"}[block]
	files := map[string]string{}
	var main strings.Builder
	main.WriteString("events {}\n" + open)
	head, tail := "", ""
	if len(inside) > part { // the first and the last line may open and close a block, the last one more than that
		if i := strings.IndexByte(inside, '\n'); i >= 0 && (strings.HasSuffix(inside[:i], "{") || strings.HasSuffix(inside[:i], "/x;")) && !strings.HasPrefix(inside, "location / {") {
			head, inside = inside[:i+1], inside[i+1:]
			if i := strings.LastIndex(inside, "\n}"); i >= 0 {
				inside, tail = inside[:i+1], inside[i+1:]
			}
		}
	}
	main.WriteString(head)
	if len(inside) <= part {
		main.WriteString(inside + "\n")
	} else {
		for i := 0; inside != ""; i++ {
			end := min(part, len(inside))
			if nl := strings.LastIndexByte(inside[:end], '\n'); end < len(inside) && nl > 0 {
				end = nl + 1
			}
			name := fmt.Sprintf("parts/%03d.inc", i)
			files[name], inside = inside[:end], inside[end:]
			main.WriteString("include " + name + ";\n")
		}
	}
	main.WriteString(tail + rest + strings.Repeat("}", strings.Count(open, "{")) + "\n")
	files["nginx.conf"] = main.String()
	return files
}

func withFiles(name string, includes, others int) hostileConfig {
	files := map[string]string{"nginx.conf": "events {}\nhttp {\n" + lines(includes, "include /srv/gone/%d.inc;") +
		"server { listen 80; location / { proxy_pass http://app; } } }\n"}
	for i := range others {
		files[fmt.Sprintf("other/%d.txt", i)] = strings.Repeat("text\n", 1000)
	}
	return hostileConfig{name, files}
}

// wildcards are folders whose files include the next folder's, all of them.
func wildcards(depth, each int) map[string]string {
	files := map[string]string{"nginx.conf": "events {}\nhttp { include d0/*; server { listen 80; location / { proxy_pass http://app; } } }"}
	for d := range depth {
		for i := range each {
			files[fmt.Sprintf("d%d/%d.conf", d, i)] = fmt.Sprintf("include d%d/*;\n", d+1)
		}
	}
	files[fmt.Sprintf("d%d/0.conf", depth)] = "server_tokens off;\n"
	return files
}

func manyFiles(n int) map[string]string {
	files := map[string]string{"nginx.conf": "events {}\nhttp { include conf.d/*.conf; }"}
	for i := range n {
		files[fmt.Sprintf("conf.d/%d.conf", i)] = fmt.Sprintf("server { server_name s%d; location / { proxy_pass http://app; } }\n", i)
	}
	return files
}

const ordinary = "events {}\nhttp { server { listen 80; location / { proxy_pass http://app; } } }\n"

func besideConfig(name, text string) map[string]string {
	return map[string]string{"nginx.conf": ordinary, name: text}
}

func many(name string, n int, text string) map[string]string {
	files := map[string]string{"nginx.conf": ordinary}
	for i := range n {
		files[fmt.Sprintf(name, i)] = text
	}
	for i := range 200 {
		files[fmt.Sprintf("x%d.conf", i)] = "server_tokens off;\n"
	}
	return files
}

// aliasExpansion is YAML whose aliases unfold to each to the power of depth.
func aliasExpansion(depth, each int) string {
	out := "a0: &a0 [\"./x:/etc/nginx/x\"]\n"
	for d := 1; d < depth; d++ {
		out += fmt.Sprintf("a%d: &a%d [%s]\n", d, d, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", d-1), each), ","))
	}
	return out + fmt.Sprintf("services:\n  web:\n    volumes: *a%d\n", depth-1)
}
