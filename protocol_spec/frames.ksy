# TALLY/1: frames (chapters 2 and 3).  Kaitai Struct, https://doc.kaitai.io.
#
# What a receiver refuses beyond the form (labels that are too high, ids out of order, maps that are not in their
# one form, signatures) is left to the text.  `labels` shows how votes are unpacked.
meta:
  id: tally_frame
  title: A message of the tally protocol, version 1
  ks-version: '0.10'
  endian: be
params:
  - id: explicit
    type: bool
    doc: the run's `ids` are explicit (VOTE-2)
  - id: derived
    type: u4
    doc: the run's votes in a ballot when ids are derived (README)
  - id: bits
    type: u1
    doc: bits of a label, 1 to 24 (RUN-5)
seq:
  - id: kind
    type: u1
    enum: kinds
  - id: flags
    type: u1
  - id: body
    size: '_io.size - 2 - (sealed ? 64 : 0)'
    type:
      switch-on: kind
      cases:
        kinds::hello: hello
        kinds::bye: bye
        kinds::error: error
        kinds::ping: ping
        kinds::pong: pong
        kinds::peers: peers
        kinds::vote: vote
        kinds::digest: digest
        kinds::have: have
        kinds::want: want
  - id: signature
    size: 64
    if: sealed
instances:
  names_author:
    value: (flags & 1) != 0
  names_ids:
    value: (flags & 2) != 0
  sealed:
    value: (flags & 4) != 0
enums:
  kinds:
    0x01: hello
    0x02: bye
    0x03: error
    0x04: ping
    0x05: pong
    0x06: peers
    0x10: vote
    0x11: digest
    0x12: have
    0x13: want
types:
  hello:
    seq:
      - id: magic
        contents: TALLY
      - id: map
        type: value
      - id: nothing_more
        size: 0
        valid:
          expr: _io.eof
  bye:
    seq:
      - id: code
        type: u1
        doc: 1 is FINISHED, all others 0 (BYE-2)
      - id: last
        type: u4
        doc: ffffffff is none
      - id: text
        type: str
        size-eos: true
        encoding: UTF-8
  error:
    seq:
      - id: code
        type: u1
      - id: text
        type: str
        size-eos: true
        encoding: UTF-8
  ping:
    seq:
      - id: nonce
        type: u4
      - id: roster
        type: u4
      - id: nothing_more
        size: 0
        valid:
          expr: _io.eof
  pong:
    seq:
      - id: nonce
        type: u4
      - id: roster
        type: u4
      - id: round
        type: u4
        doc: ffffffff is none
      - id: nothing_more
        size: 0
        valid:
          expr: _io.eof
  peers:
    seq:
      - id: n
        type: u1
        valid:
          max: 64
      - id: endpoints
        type: endpoint
        repeat: expr
        repeat-expr: n
      - id: nothing_more
        size: 0
        valid:
          expr: _io.eof
    types:
      endpoint:
        seq:
          - id: length
            type: u1
          - id: endpoint
            type: str
            size: length
            encoding: ASCII
  vote:
    seq:
      - id: round
        type: u4
      - id: author
        size: '_root.sealed ? 32 : 8'
        if: _root.names_author
      - id: ids
        type: ids
        if: _root.names_ids
      - id: votes
        size-eos: true
        valid:
          expr: _.size == (count * _root.bits + 7) / 8
    instances:
      count:
        value: '_root.names_ids ? ids.count : _root.derived'
      labels:
        type: label(_index)
        repeat: expr
        repeat-expr: count
        pos: 0
    types:
      label:
        doc: A label lies within four bytes; those behind the votes' end count as 0.
        params:
          - id: index
            type: u4
        instances:
          first:
            value: index * _root.bits
          at:
            value: first / 8
          window:
            value: >-
              _parent.votes[at] * 16777216
              + (at + 1 < _parent.votes.size ? _parent.votes[at + 1] : 0) * 65536
              + (at + 2 < _parent.votes.size ? _parent.votes[at + 2] : 0) * 256
              + (at + 3 < _parent.votes.size ? _parent.votes[at + 3] : 0)
          below:
            value: 32 - first % 8 - _root.bits
            doc: bits of the window after the label, 1 to 31
          value:
            value: window / ((1 << (below / 2)) * (1 << (below - below / 2))) % (1 << _root.bits)
  ids:
    seq:
      - id: form
        type: u1
        valid:
          any-of: [1, 2]
      - id: start
        type: u4
        if: form == 1
      - id: count
        type: u2
        valid:
          min: 1
      - id: gaps
        type: leb128
        repeat: expr
        repeat-expr: count
        if: form == 2
        doc: the first id, then for each further one it less the one before, less 1
  leb128:
    seq:
      - id: bytes
        type: u1
        repeat: until
        repeat-until: _ < 128
    instances:
      value:
        value: >-
          (bytes[0] & 127)
          + (bytes.size > 1 ? (bytes[1] & 127) * 128 : 0)
          + (bytes.size > 2 ? (bytes[2] & 127) * 16384 : 0)
          + (bytes.size > 3 ? (bytes[3] & 127) * 2097152 : 0)
          + (bytes.size > 4 ? (bytes[4] & 127) * 268435456 : 0)
  digest:
    seq:
      - id: entries
        type: entry
        repeat: eos
    types:
      entry:
        seq:
          - id: round
            type: u4
          - id: count
            type: u2
          - id: hash
            size: 16
  have:
    seq:
      - id: round
        type: u4
      - id: entries
        type: entry
        repeat: eos
    types:
      entry:
        seq:
          - id: author
            size: 8
          - id: tag
            size: 16
  want:
    seq:
      - id: entries
        type: entry
        repeat: eos
    types:
      entry:
        seq:
          - id: author
            size: 8
          - id: round
            type: u4
  value:
    doc: msgpack, as far as MAP-2 lets it in
    seq:
      - id: head
        type: u1
        valid:
          expr: _ != 0xc1 and not (_ >= 0xc6 and _ <= 0xcb) and not (_ >= 0xd4 and _ <= 0xd8) and _ != 0xdb and _ != 0xdd and _ != 0xdf
      - id: u8
        type: u1
        if: head == 0xcc
      - id: u16
        type: u2
        if: head == 0xcd
      - id: u32
        type: u4
        if: head == 0xce
      - id: u64
        type: u8
        if: head == 0xcf
      - id: s8
        type: s1
        if: head == 0xd0
      - id: s16
        type: s2
        if: head == 0xd1
      - id: s32
        type: s4
        if: head == 0xd2
      - id: s64
        type: s8
        if: head == 0xd3
      - id: size8
        type: u1
        if: head == 0xc4 or head == 0xd9
      - id: size16
        type: u2
        if: head == 0xc5 or head == 0xda or head == 0xdc or head == 0xde
      - id: text
        type: str
        encoding: UTF-8
        size: 'head < 0xc0 ? head & 31 : head == 0xd9 ? size8 : size16'
        if: is_text
      - id: binary
        size: 'head == 0xc4 ? size8 : size16'
        if: head == 0xc4 or head == 0xc5
      - id: items
        type: value
        repeat: expr
        repeat-expr: 'head == 0xdc ? size16 : head & 15'
        if: is_array
      - id: pairs
        type: pair
        repeat: expr
        repeat-expr: 'head == 0xde ? size16 : head & 15'
        if: is_map
    instances:
      is_text:
        value: (head >= 0xa0 and head < 0xc0) or head == 0xd9 or head == 0xda
      is_array:
        value: (head >= 0x90 and head < 0xa0) or head == 0xdc
      is_map:
        value: (head >= 0x80 and head < 0x90) or head == 0xde
      small:
        value: 'head < 0x80 ? head : head - 256'
        if: head < 0x80 or head >= 0xe0
    types:
      pair:
        seq:
          - id: key
            type: value
          - id: value
            type: value
