package audit

import (
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

// Evidence is what rules look at: the report as measured, and the config as read.
type Evidence struct {
	Report *Report
	Config *nginxconf.Config
	// ConfigRoutes are all routes as the config has them, by id, also those that the report leaves out (--route).
	ConfigRoutes map[string]nginxconf.Route
}
