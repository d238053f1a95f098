package audit

import (
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

// Evidence is what rules look at: the report as measured, and the config as read.
type Evidence struct {
	Report *Report
	Config *nginxconf.Config
	// ConfigRoutes are the routes as the config has them, by id.
	ConfigRoutes map[string]nginxconf.Route
}
