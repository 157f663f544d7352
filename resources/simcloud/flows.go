package simcloud

import (
	"lamplighter/resources"
)

// States of EMR clusters and steps.
const (
	starting             = "STARTING"
	bootstrapping        = "BOOTSTRAPPING"
	running              = "RUNNING"
	waiting              = "WAITING"
	terminating          = "TERMINATING"
	terminated           = "TERMINATED"
	terminatedWithErrors = "TERMINATED_WITH_ERRORS"

	stepPending     = "PENDING"
	stepRunning     = "RUNNING"
	stepCompleted   = "COMPLETED"
	stepFailed      = "FAILED"
	stepCancelled   = "CANCELLED"
	stepInterrupted = "INTERRUPTED"
)

func (c *Cloud) flow(id string) *Flow {
	for _, f := range c.state.Flows {
		if f.Spec.ID == id {
			return f
		}
	}
	return nil
}

func flowRef(f *Flow) resources.Ref {
	return resources.Ref{Kind: resources.KindFlow, Name: f.Spec.Name}
}

func (c *Cloud) setFlow(f *Flow, status string) {
	f.Status = status
	c.keepFlow(f)
	c.announce(resources.KindFlow, f.Spec.Name, f.Spec.ID, status)
}

func (c *Cloud) keepFlow(f *Flow) {
	c.dirty = true
	if c.past != nil {
		c.past.flows.add(f.Spec.ID, c.now(), f.clone())
	}
}

// after has fn called when the flow's move is over and nothing else came up.
func (c *Cloud) after(f *Flow, m *Move, fn func()) {
	f.Move = m
	c.dirty = true
	c.at(m.Due, func() {
		if f.Move == m {
			f.Move = nil
			fn()
		}
	})
}

// addFlow begins a flow's life: STARTING, its instances not yet there.
func (c *Cloud) addFlow(f *Flow) {
	c.state.Flows = append(c.state.Flows, f)
	phase := PhaseProvision
	if f.Code != "" || c.fate(FateFlow, f.Spec.Name) {
		phase = PhaseFailure
	}
	c.setFlow(f, starting)
	c.carryOn(f, &Move{Phase: phase, Due: c.due(phase)})
}

// carryOn carries out a flow's move.
func (c *Cloud) carryOn(f *Flow, m *Move) {
	c.after(f, m, func() {
		switch m.Phase {
		case PhaseProvision:
			c.provisioned(f)
		case PhaseBootstrap:
			if c.fate(FateBootstrap, f.Spec.Name) {
				c.terminate(f, "BOOTSTRAP_FAILURE", "On the master instance (i-0123), bootstrap action 1 returned a non-zero return code")
				return
			}
			f.Ready = c.now()
			c.setFlow(f, running)
			c.startSteps(f)
			if c.fate(FateNodes, f.Spec.Name) {
				c.at(c.due(PhaseLoss), func() { c.terminate(f, "INSTANCE_FAILURE", "The master failed: Error occurred") })
			}
		case PhaseFailure:
			if f.Code == "" {
				f.Code, f.Message = "VALIDATION_ERROR", "The requested instance types are not available."
			}
			c.cancelSteps(f)
			c.endFlow(f, terminatedWithErrors)
		case PhaseStep:
			c.startSteps(f)
		case PhaseTerminate:
			end := terminated
			if f.Code != "ALL_STEPS_COMPLETED" && f.Code != "USER_REQUEST" {
				end = terminatedWithErrors
			}
			c.endFlow(f, end)
		}
	})
}

// provisioned: the instances run, and bill from now on.
func (c *Cloud) provisioned(f *Flow) {
	for _, fleet := range f.Fleets {
		if fleet.Shape.Count > 0 {
			c.addUsage(flowRef(f), f.Spec.ID, fleet.Shape)
		}
	}
	c.setFlow(f, bootstrapping)
	c.carryOn(f, &Move{Phase: PhaseBootstrap, Due: c.due(PhaseBootstrap)})
}

// startSteps starts as many steps as may run at once; with none left the flow
// waits or ends by itself.
func (c *Cloud) startSteps(f *Flow) {
	active := 0
	for i := range f.Steps {
		s := &f.Steps[i]
		if s.Status == stepPending && active < f.Concurrency {
			c.startStep(f, i)
		}
		if s.Status == stepRunning {
			active++
		}
	}
	switch {
	case active > 0:
		if f.Status == waiting {
			c.setFlow(f, running)
		}
	case f.KeepAlive:
		f.Waiting = c.now()
		c.setFlow(f, waiting)
		c.endIdle(f)
	default:
		c.terminate(f, "ALL_STEPS_COMPLETED", "Steps completed")
	}
}

func (c *Cloud) startStep(f *Flow, i int) {
	s := &f.Steps[i]
	s.Status, s.Started = stepRunning, c.now()
	c.keepFlow(f)
	c.announce("step", f.Spec.Name+" "+s.Spec.Name, s.Spec.ID, s.Status)
	done := func(exit int, reason, logFile string) {
		c.at(c.now(), func() { c.stepEnded(f, i, exit, reason, logFile) })
	}
	if c.opts.Planes.Spark == nil {
		done(0, "", "")
		return
	}
	c.cancels[s.Spec.ID] = c.opts.Planes.Spark.Start(f.Spec, s.Spec, done)
}

func (c *Cloud) stepEnded(f *Flow, i, exit int, reason, logFile string) {
	s := &f.Steps[i]
	delete(c.cancels, s.Spec.ID)
	if s.Status != stepRunning { // cancelled before
		return
	}
	s.Exit, s.Reason, s.LogFile, s.Ended = exit, reason, logFile, c.now()
	s.Status = stepCompleted
	if exit != 0 {
		s.Status = stepFailed
	}
	c.keepFlow(f)
	c.announce("step", f.Spec.Name+" "+s.Spec.Name, s.Spec.ID, s.Status)
	if s.Status == stepFailed && c.stepFailed(f, s) {
		return
	}
	if f.Move == nil { // else the next turn is due already, or the flow ends
		c.carryOn(f, &Move{Phase: PhaseStep, Due: c.due(PhaseStep)})
	}
}

// stepFailed does what the step's ActionOnFailure says; true when the flow
// ends by it. With several steps at a time only CONTINUE exists.
func (c *Cloud) stepFailed(f *Flow, s *FlowStep) bool {
	switch s.OnFailure {
	case "TERMINATE_CLUSTER", "TERMINATE_JOB_FLOW":
		c.terminate(f, "STEP_FAILURE", "Shut down as step failed")
		return true
	case "CANCEL_AND_WAIT":
		c.cancelSteps(f)
		if !f.KeepAlive {
			c.terminate(f, "STEP_FAILURE", "Shut down as step failed")
			return true
		}
	}
	return false
}

// cancelSteps ends what has not ended.
func (c *Cloud) cancelSteps(f *Flow) {
	for i := range f.Steps {
		c.cancelStep(&f.Steps[i])
	}
	c.keepFlow(f)
}

// cancelStep ends a step that has not ended; false says that it has.
func (c *Cloud) cancelStep(s *FlowStep) bool {
	switch s.Status {
	case stepPending:
		s.Status = stepCancelled
	case stepRunning:
		s.Status, s.Ended = stepCancelled, c.now()
		if cancel := c.cancels[s.Spec.ID]; cancel != nil {
			cancel()
		}
		if c.fate(FateInterrupted, s.Spec.Name) {
			s.Status = stepInterrupted
		}
	default:
		return false
	}
	return true
}

// terminate begins a flow's end. Repeat calls do nothing.
func (c *Cloud) terminate(f *Flow, code, message string) {
	if !f.Live() || f.Status == terminating {
		return
	}
	f.Code, f.Message = code, message
	c.cancelSteps(f)
	c.setFlow(f, terminating)
	c.carryOn(f, &Move{Phase: PhaseTerminate, Due: c.due(PhaseTerminate)})
}

func (c *Cloud) endFlow(f *Flow, status string) {
	f.Ended, f.Move = c.now(), nil
	c.meter(flowRef(f), f.Spec.ID, resources.Shape{}, false)
	c.setFlow(f, status)
}

// resumeFlows goes on with what a saved State has under way.
func (c *Cloud) resumeFlows() {
	for _, f := range c.state.Flows {
		if !f.Live() {
			continue
		}
		interrupted := false
		for i := range f.Steps {
			if s := &f.Steps[i]; s.Status == stepRunning {
				s.Status, s.Ended, s.Exit = stepFailed, c.now(), 143
				s.Reason = "The host of this cloud was restarted while the step ran."
				interrupted = c.stepFailed(f, s) || interrupted
				c.keepFlow(f)
			}
		}
		switch {
		case f.Move != nil && !interrupted:
			c.carryOn(f, f.Move)
		case f.Move == nil && f.Status == running:
			c.carryOn(f, &Move{Phase: PhaseStep, Due: c.now()})
		default:
			c.endIdle(f)
		}
	}
}
