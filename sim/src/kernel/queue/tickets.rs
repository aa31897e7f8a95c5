//! Who may still be cancelled.
//!
//! Most events never are, and cost nothing here. One that may be carries a *ticket*; to cancel it strikes the ticket,
//! and the event is left out when its turn comes. Tickets are handed out again, with another serial number.

/// Names one scheduled event, to cancel it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle {
    serial: u64,
    ticket: u32,
}

/// The ticket of an event that cannot be cancelled.
pub(super) const NO_TICKET: u32 = u32::MAX;

/// Tickets of pending events, by number.
#[derive(Clone, Debug, Default)]
pub(super) struct Tickets {
    all: Vec<Ticket>,
    free: Vec<u32>,
    /// The serial number of the next ticket. 2^64 of them take centuries.
    next_serial: u64,
    struck: usize,
}

#[derive(Clone, Copy, Debug)]
struct Ticket {
    serial: u64,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Free,
    Valid,
    Struck,
}

impl Tickets {
    /// A ticket for an event to come.
    pub(super) fn issue(&mut self) -> Handle {
        let issued = Ticket { serial: self.next_serial, state: State::Valid };
        self.next_serial += 1;
        if let Some(number) = self.free.pop()
            && let Some(ticket) = self.all.get_mut(number as usize)
        {
            *ticket = issued;
            return Handle { serial: issued.serial, ticket: number };
        }
        // A queue holds fewer events than there are numbers.
        let number = self.all.len() as u32;
        self.all.push(issued);
        Handle { serial: issued.serial, ticket: number }
    }

    /// Takes back a ticket whose event leaves the queue; false if it was struck.
    #[inline]
    pub(super) fn settle(&mut self, ticket: u32) -> bool {
        ticket == NO_TICKET || self.settle_issued(ticket)
    }

    fn settle_issued(&mut self, number: u32) -> bool {
        let Some(ticket) = self.all.get_mut(number as usize) else { return false };
        let was_valid = ticket.state == State::Valid;
        self.struck -= usize::from(ticket.state == State::Struck);
        ticket.state = State::Free;
        self.free.push(number);
        was_valid
    }

    /// Strikes a ticket; false if its event left already, or the ticket was struck before.
    pub(super) fn strike(&mut self, handle: Handle) -> bool {
        match self.all.get_mut(handle.ticket as usize) {
            Some(ticket) if ticket.serial == handle.serial && ticket.state == State::Valid => {
                ticket.state = State::Struck;
                self.struck += 1;
                true
            }
            _ => false,
        }
    }

    /// True if the event with this ticket is still to happen.
    #[inline]
    pub(super) fn is_valid(&self, ticket: u32) -> bool {
        ticket == NO_TICKET || self.all.get(ticket as usize).is_some_and(|ticket| ticket.state == State::Valid)
    }

    /// How many struck tickets have not been taken back.
    #[inline]
    pub(super) fn struck(&self) -> usize {
        self.struck
    }

    /// How many tickets there ever were at once.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.all.len()
    }
}

impl Handle {
    /// The ticket's number.
    pub(super) fn ticket(self) -> u32 {
        self.ticket
    }
}
