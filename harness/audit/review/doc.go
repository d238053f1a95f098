// Package review is what an expert knows of gateways, as data: the faults that each upstream of a config is given, and the
// rules by which what followed is judged. Each rule has two configs in the folder conf, one that breaks it and one, near
// it, that does not.
package review
