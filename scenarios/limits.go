package scenarios

import (
	"strings"

	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

// limits is what goes wrong where the gateway itself runs out of something, or has a limit of its own.
var limits = []scenario.Scenario{
	{
		ID: "connections-used-up",
		Claim: "A worker of the gateway has no connection left to call the application with (worker_connections, of which a " +
			"proxied request takes two): 500, logged as [alert]. The application is well.",
		Family: "limits", Causes: []string{"C4", "J6"}, Gateway: onNginx("proxy.conf"),
		Fault:    "worker_connections is 3: enough for the visitor, one too few for the application",
		Variants: bothApps(fault.Config{Conf: changed("proxy.conf", "events {}", "events {\n    worker_connections 3;\n}")}),
		Expect: scenario.Expectation{Status: 500, Log: []scenario.LogLine{
			{Level: "alert", Text: "3 worker_connections are not enough", Phase: connecting},
		}},
		Confirm: "grep 'worker_connections are not enough' /var/log/nginx/error.log",
		Remedy:  "events { worker_connections 4096; } with worker_rlimit_nofile 8192; (twice as many files as connections).",
		Source:  "https://nginx.org/en/docs/ngx_core_module.html#worker_connections",
	},
	{
		ID: "upload-disk-full",
		Claim: "The disk of client_body_temp_path is full: an upload that does not fit into client_body_buffer_size is a 500, " +
			"and the application never hears of it. Small requests are well.",
		Family: "limits", Causes: []string{"C5", "J6"}, Gateway: onNginx("proxy-upload.conf"),
		Ask:      lab.Request{Method: "POST", Path: "/upload", Body: strings.Repeat("x", 1<<10), BodyTimes: 1 << 10},
		Fault:    "64 KB are left on the disk where uploads are kept",
		Variants: bothApps(fault.DiskFull{Path: "/var/lib/nginx/uploads", Bytes: 64 << 10}),
		Expect: scenario.Expectation{Status: 500, Log: []scenario.LogLine{
			{Level: "crit", Text: "failed", Errno: 28},
		}},
		Confirm: "df -h and df -i of the folder in the log line (/var/lib/nginx/body on Debian): 100%.",
		Remedy:  "Make room, or client_body_temp_path on a larger disk. proxy_request_buffering off; needs no disk.",
		Source:  "https://nginx.org/en/docs/http/ngx_http_core_module.html#client_body_temp_path",
	},
	floodUndefended(), floodLimitReq(), floodLimitConn(), floodBehindEdge(), pageManyRequests(), cookiesTooBig(),
}
