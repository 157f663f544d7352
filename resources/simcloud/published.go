package simcloud

import (
	"encoding/json"
	"slices"
	"strings"
)

// What readers of a published prefix follow are lists: objects that name files.
// At every instant each list must name files of one folder that are all there,
// and the files that it names must not change.

// isList says that a key is one of them.
func isList(key string) bool {
	return strings.HasSuffix(key, "/_latest.json") || strings.Contains(key, "/date=") && (strings.HasSuffix(key, "/_manifest.json") || strings.HasSuffix(key, "/files.txt"))
}

// listed judges a list that was put.
func (s *Simulation) listed(list string, body []byte) {
	var names []string
	if strings.HasSuffix(list, ".txt") {
		names = strings.Fields(string(body))
	} else {
		var m struct {
			Entries []struct {
				URL  string `json:"url"`
				Meta struct {
					Length int64 `json:"content_length"`
				} `json:"meta"`
			} `json:"entries"`
		}
		if err := json.Unmarshal(body, &m); err != nil {
			s.violate(RulePublished, "%s cannot be read: %v", list, err)
		}
		for _, e := range m.Entries {
			names = append(names, e.URL)
			if o := s.store.objects[key(e.URL)]; o != nil && o.size != e.Meta.Length {
				s.violate(RulePublished, "%s says %d bytes of %s", list, e.Meta.Length, e.URL)
			}
		}
	}
	s.lists[list] = nil
	folder := ""
	for i, name := range names {
		k := key(name)
		s.lists[list] = append(s.lists[list], k)
		if s.store.objects[k] == nil {
			s.violate(RulePublished, "%s names %s, which is not there", list, k)
		}
		at := edition(k)
		if i > 0 && at != folder {
			s.violate(RulePublished, "%s names files of %s and of %s", list, folder, at)
		}
		folder = at
	}
}

// edition is the folder of one publication: …/_data/DATE/VERSION/.
func edition(key string) string {
	_, rest, _ := strings.Cut(key, "/_data/")
	parts := strings.SplitN(rest, "/", 3)
	return strings.Join(parts[:min(2, len(parts))], "/")
}

// touched judges what became of an object: one that a list names stays as it
// is. Putting the same again changes nothing.
func (s *Simulation) touched(key string, was *object) {
	if was == nil {
		return
	}
	now := s.store.objects[key]
	if now == nil {
		delete(s.lists, key)
	}
	if now != nil && now.etag == was.etag {
		return
	}
	for list, names := range s.lists {
		if slices.Contains(names, key) {
			s.violate(RulePublished, "%s changed or went, and %s names it", key, list)
		}
	}
}
