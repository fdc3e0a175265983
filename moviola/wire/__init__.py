"""How Moviola's programs speak to each other. From the socket up:

  loop, sockets         the one selectors loop of a program, and what it asks of the system for one socket
  asyncio_links         the same for a program that serves others by asyncio
  events                what either of them tells a program: messages that came, connections that are gone

Decided without a socket, for both:

  endpoint              when a connection is read, by when it must go on, when it is over
  connection            the handshake: which message may come when
  framing, budget       bytes to frames and back, and the memory that frames in progress may take
  outbox                what waits to be sent, and how much may
  dialling, addresses   which address is tried next
  admission, places     who is accepted, and who has to go, where places are short
  timers, transitions   deadlines of many connections; tables of states
  limits, descriptors   every bound by name; how many connections this process may have
  errors                whose fault it is, and what ends with it

What is said:

  messages/, schema     every message as a record that validates itself
  windows, bitmap       sets of chunks, and how long ones travel
  shortened, shown      what people read, cut to a bound, and made safe for a terminal
  lease_tags, tokens    proofs of who was lent what, and of who is who
  secret, options       the cluster's secret; settings that all programs share
"""
