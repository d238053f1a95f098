package review

import (
	"fmt"
	"slices"
	"strings"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

var locations = []audit.Rule{
	{
		ID: "alias-traversal", Severity: "high", Title: "a location without a slash leads out of its folder", Static: true,
		Why: "\"/static\" matches \"/static../\" too, and the rest of the path goes behind the slash of the alias: whoever asks for " +
			"/static../x gets the file x of the folder above.",
		Source: "https://nginx.org/en/docs/http/ngx_http_core_module.html#alias", Find: aliasTraversal,
	},
	{
		ID: "pass-slash", Severity: "low", Title: "a location without a slash, and a URI with one to pass on", Static: true,
		Why: "What follows the location's text goes behind the URI of the pass directive as it stands: /api/x becomes //x, which many " +
			"applications do not know, and /api../x leads out of the path that was meant.",
		Source: "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_pass", Find: passSlash,
	},
	{
		ID: "if-drops", Severity: "medium", Title: "an if takes something away from its location", Static: true,
		Why: "An if whose condition holds is a location of its own: of try_files it inherits nothing, and the URI that the location's " +
			"proxy_pass puts in place of its own is not put in place by the one in the if.",
		Source: "https://nginx.org/en/docs/http/ngx_http_rewrite_module.html#if", Find: ifDrops,
	},
}

// prefixText is the text of a location that matches whatever begins with it; ok is false for one of another kind.
func prefixText(d *nginxconf.Directive) (text string, ok bool) {
	if d == nil || d.Name != "location" || len(d.Args) == 0 {
		return "", false
	}
	text = d.Args[len(d.Args)-1]
	if len(d.Args) > 1 && d.Args[0] != "^~" {
		return "", false
	}
	text = strings.TrimPrefix(text, "^~")
	return text, strings.HasPrefix(text, "/")
}

// aliasTraversal wants a folder behind a prefix that does not end as one.
func aliasTraversal(e *audit.Evidence) []audit.Finding {
	var all []audit.Finding
	routes := byBlock(e)
	for _, d := range e.Config.Find("alias") {
		text, ok := prefixText(d.Parent)
		if !ok || strings.HasSuffix(text, "/") || len(d.Args) != 1 || !strings.HasSuffix(d.Args[0], "/") || d.Args[0] == "/" || own(d.Parent, "internal") != nil {
			continue
		}
		g := group{cause: causedBy(d), observations: routes[d.Parent]}
		all = append(all, g.reading(text+"../ leads out of "+d.Args[0], fmt.Sprintf("%s../x is the file %s../x", text, d.Args[0]),
			g.patch(rewritten(d, strings.TrimSuffix(d.Args[0], "/")))))
	}
	return all
}

// passSlash weighs more where a path is given that the request can be led out of.
func passSlash(e *audit.Evidence) []audit.Finding {
	var found collector
	for _, s := range configRoutes(e) {
		text, ok := prefixText(s.conf.Location)
		uri := uriOf(s.conf.Target.Written)
		if !ok || s.conf.Target.Pass == nil || s.conf.Target.Pass.Name != "proxy_pass" || s.conf.Target.Variables || strings.HasSuffix(text, "/") || !strings.HasSuffix(uri, "/") ||
			s.conf.Target.Pass.Parent != s.conf.Location || own(s.conf.Location, "rewrite") != nil {
			continue
		}
		found.add(s.passCause(), s)
	}
	return found.findings(func(g *group) audit.Finding {
		s := g.observations[0]
		text, _ := prefixText(s.conf.Location)
		written := s.conf.Target.Written
		uri := uriOf(written)
		title := text + "/x is passed on as " + uri + "/x"
		severity := ""
		if uri != "/" {
			severity = "medium"
			title += ", and " + text + "../x as " + uri + "../x"
		}
		shorter := strings.TrimSuffix(written, "/")
		m := g.patch(rewritten(g.directive, shorter))
		m.hangs = true  // what is asked for without the slash becomes another URI, and the application knows whether it has that
		if uri == "/" { // without any URI the path would be passed on as it came
			m = g.patch("# end the location in a slash too: location " + text + "/")
		}
		f := g.reading(title, fmt.Sprintf("what follows %s goes behind %s", text, uri), m)
		f.Severity = severity
		for _, c := range s.Calls {
			if strings.HasPrefix(c.URI, uri+"/") {
				f = g.proven(f, s, c.Endpoint+" was asked for "+c.URI)
				f.Severity = severity
			}
		}
		return f
	})
}

// ifDrops leaves alone an if that ends the request, or sends it elsewhere.
func ifDrops(e *audit.Evidence) []audit.Finding {
	var all []audit.Finding
	routes := byBlock(e)
	for _, d := range e.Config.Find("if") {
		location := d.Parent
		if location == nil || location.Name != "location" || endsRequest(d) {
			continue
		}
		g := group{cause: cause{block: d, place: d.Place}, observations: slices.DeleteFunc(slices.Clone(routes[location]), func(s observation) bool {
			return s.conf.Location != location && !within(s.conf.Location, d)
		})}
		text, _ := prefixText(location)
		inner, outer := pass(d), pass(location)
		switch files := own(location, "try_files"); {
		case files != nil && inner == nil:
			f := g.reading("where its condition holds, an if does away with try_files",
				"the try_files at "+at(files.Place)+" is for requests alone of which the condition does not hold",
				g.patch("# choose by a map in http{} and a variable in place of this if, or return in it"))
			if n := len(files.Args); n > 0 && strings.HasPrefix(files.Args[n-1], "=") {
				f.Severity = "low" // it leads nowhere else
			}
			all = append(all, f)
		case inner != nil && outer != nil && inner.Name == "proxy_pass" && outer.Name == "proxy_pass" && len(inner.Args) == 1 && len(outer.Args) == 1 &&
			uriOf(inner.Args[0]) == "" && uriOf(outer.Args[0]) != "" && uriOf(outer.Args[0]) != text && !strings.Contains(inner.Args[0]+outer.Args[0], "$") && own(d, "rewrite") == nil:
			g.place = inner.Place
			all = append(all, g.reading("the pass in an if is asked for another path than that of its location",
				fmt.Sprintf("%s gets the path as it came, and %s with %s in place of the location's text", inner.Args[0], outer.Args[0], uriOf(outer.Args[0])),
				g.patch("# choose the upstream by a map in http{}, and pass on in one place: proxy_pass http://$chosen"+uriOf(outer.Args[0])+"...")))
		}
	}
	return all
}

// endsRequest reports whether what an if does is over with it: it answers, or sends the request on.
func endsRequest(d *nginxconf.Directive) bool {
	return slices.ContainsFunc(d.Block, func(one *nginxconf.Directive) bool {
		return one.Name == "return" || one.Name == "rewrite" && len(one.Args) > 2 && one.Args[2] != "break" || one.Name == "rewrite" && len(one.Args) > 1 && strings.HasPrefix(one.Args[1], "http")
	})
}
