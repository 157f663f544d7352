// Package architecture holds no code: its tests keep the whole house in the
// order that ARCHITECTURE.md describes. Each failure names the mend.
package architecture
