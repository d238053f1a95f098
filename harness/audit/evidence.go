package audit

import (
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

// Evidence is what rules look at: the report as measured, and the config as read.
type Evidence struct {
	Report *Report
	Config *nginxconf.Config
	// Ways are the config's ways by route id.
	Ways map[string]nginxconf.Way
}
