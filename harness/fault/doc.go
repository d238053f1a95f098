// Package fault holds what breaks a sandbox: one value a fault, which is injected and can be undone. Some of its values are
// steps, such as [Wait] and [OtherRequest], that belong to a fault and leave nothing to undo.
package fault
