package knowledge

// told are the texts by which an error page, or a program that fetched it, tells of a cause beside who made it, by that cause.
var told = map[string][]string{
	"read-timeout": {
		"@page & the server didn't respond in time & %90", "@page & did not receive a timely response from the upstream & %85", "@page & endpoint request timed out & %90", "endpoint request timed out & %82",
		"@page & <center>nginx & =504 & %60", "@page & <center>openresty & =504 & %60", `@page & ~(?m)^(?:nginx|openresty)(?:/[.\d]+(?: \([a-z]+\))?)?\s*$ & gateway time & %60`,
		"the web server failed to respond within the specified time & %85", "first byte timeout & cache- & %90",
	},
	"page-haproxy":         {"@page & no server is available to handle this request & %92"},
	"closed-before-header": {"@page & zero sized reply & squid & %88", "@page & error reading from remote server & %72", "service unavailable - zero size object & %88", "hint:elb-closed & %76"},
	"connect-failed":       {"@page & host not found or connection failed & %88", "service unavailable - fail to connect & %88", "@page & cloudfront wasn't able to connect to the origin & %85"},
	"dns-failed":           {"service unavailable - dns failure & %92"},
	"connection-refused":   {"the agent failed to establish a connection to the upstream web service & refused & %93", `~^connecting to \S+.*\.\.\. failed: connection refused\. & failed: connection refused. & !|::1| & %76`, "@page & (squid/ & (111) & %92", "@page & (squid/ & (61) & %90", "@page & err_connect_fail 111 & %92", "@headers & x-squid-error: err_connect_fail 111 & %93"},
	"connect-timeout":      {"@page & (squid/ & (110) & %90", "@page & err_connect_fail 110 & %90", "@headers & x-squid-error: err_connect_fail 110 & %92"},
	"host-unreachable":     {"@page & (squid/ & (113) & %90", "@headers & x-squid-error: err_connect_fail 113 & %92"},
	"page-squid":           {`~\bby \S+ \(squid(?:/[\d.]+)?\) & (squid & %95`, `~\(squid/\d & (squid/ & %90`},
	"worker-boot-failed":   {"technical details for the administrator of this website & error id & %88", `~http error 50(?:0\.3\d|2\.5)\b & http error 50 & %93`},
	"cloudflare-520":       {"@page & cloudflare & =520 & %92"},
	"cloudflare-521":       {"@page & cloudflare & =521 & %92"},
	"cloudflare-522":       {"@page & cloudflare & =522 & %92"},
	"cloudflare-523":       {"@page & cloudflare & =523 & %92"},
	"cloudflare-524":       {"@page & cloudflare & =524 & %92"},
	"cloudflare-525":       {"@page & cloudflare & =525 & %92"},
	"cloudflare-526":       {"@page & cloudflare & =526 & %92"},
	"cloudflare-527":       {"@page & cloudflare & =527 & %92"},
	"cloudflare-530":       {"@page & cloudflare & =530 & %92"},
	"page-azure":           {"^:( application error & %90", `~^50[0-9]\.[0-9] gatewaytimeout\b & gatewaytimeout & %88`, "if you are the application administrator, you can access the diagnostic resources & %92"},
	"page-iis":             {"the web server failed to respond within the specified time & %82"},
	"page-varnish":         {"@page & vinyl cache server & %95", "^vinyl cache server & %93"},
	"page-unknown": {
		`~^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \S+ 50\d ?: & bad gateway & %30`, `~^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \S+ 50\d ?: & service & unavailable & %30`, `~^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \S+ 50\d ?: & gateway time & %30`, `~^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \S+ 50\d ?: & internal server error & %30`,
		"failed to load resource: the server responded with a status of 50 & %30", "~^http error 50[0-9]$ & http error 50 & %30", "@page & ~(?m)^http error 50[0-9]$ & http error 50 & %30",
	},
}
