package controller

import (
	"strings"

	"lamplighter/controller/journal"
)

func (b *planning) covers(writers []string) CoverSpec {
	return CoverSpec{Writers: writers, Former: b.night.Former, Stays: b.night.Stays}
}

// publishing is one step for each dataset of a work step. They wait for the
// loads before it: these decide which day it is published as.
func publishing(w Work, covers CoverSpec) (nodes []journal.Node) {
	datasets := w.Writes
	if len(datasets) == 0 {
		datasets = []string{""}
	}
	for _, name := range datasets {
		n := journal.Node{Name: strings.TrimSuffix("publish-"+w.Name+"-"+name, "-"), Kind: KindPublish, Derived: true,
			After: covers.Writers, Spec: encode(PublishSpec{Step: w.Name, Dataset: name, Fingerprint: w.Fingerprint, Work: encode(w.Spec), CoverSpec: covers})}
		if w.Done == nil {
			n.Needs = []string{w.Name}
		}
		nodes = append(nodes, n)
	}
	return nodes
}
