package fault

import (
	"context"
	"fmt"
	"regexp"
	"strings"
)

// BrowserProfile is the folder in which the browser of a [Visit] keeps cookies, from one visit to the next.
const BrowserProfile = "/run/browser"

// A Visit is a step: the browser opens a page, and has to show something.
type Visit struct {
	Browser string // the upstream that is one
	URL     string
	// Shows is a text that the page has to hold, or the browser's own words where there is none ("net::ERR_CONNECTION_REFUSED").
	Shows string
	// Private visits in a private window, which has no cookies of others and leaves none.
	Private bool
	// Proxy is the proxy that the browser is set to use ("10.0.0.7:3128"); empty for none.
	Proxy string
}

// Inject opens the page. There is nothing to undo.
func (v Visit) Inject(ctx context.Context, t Target) (Undo, error) {
	printed, err := t.RunBeside(ctx, v.Browser, v.argv()...)
	if err != nil && !strings.HasPrefix(v.Shows, noPage) { // it ends with 1 where no page came
		return nil, err
	}
	if shown := pageOf(printed); !strings.Contains(shown, v.Shows) {
		return nil, fmt.Errorf("the browser shows at %s %q, not %q", v.URL, shown, v.Shows)
	}
	return nil, nil
}

func (v Visit) String() string {
	window := "a browser"
	if v.Private {
		window += " in a private window"
	}
	if v.Proxy != "" {
		window += " that is set to use the proxy " + v.Proxy
	}
	return fmt.Sprintf("%s shows %s at %s", window, v.Shows, v.URL)
}

// noPage begins the browser's own words.
const noPage = "net::ERR_"

// argv is Chromium without its sandbox, which the container is, and with none of what it asks its maker for.
// https://peter.sh/experiments/chromium-command-line-switches/
func (v Visit) argv() []string {
	argv := []string{
		"chromium-headless-shell", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
		"--user-data-dir=" + BrowserProfile, "--timeout=10000",
	}
	if v.Private {
		argv = append(argv, "--incognito")
	}
	if v.Proxy != "" {
		argv = append(argv, "--proxy-server="+v.Proxy)
	}
	return append(argv, "--dump-dom", v.URL)
}

// complaint is a line that Chromium logs, with the reason where no page came.
var complaint = regexp.MustCompile(`(?m)^\[\d[^\n]*?(net::ERR_\w+)?\n`)

// pageOf is the page that Chromium printed, or why there is none.
func pageOf(printed string) string {
	return strings.TrimSpace(complaint.ReplaceAllString(printed, "$1"))
}
