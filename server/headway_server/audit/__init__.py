"""Whether what is stored of a device is what its own samples give, for whoever has a recording of them.

Samples never come over the wire: the recording is handed over by the vehicle's or the band's owner. `device_audit.audit` is the
way in. The records of a device are parted into runs of one pack and class (`stored_runs`), the bulk engine computes each run's
part of the samples again (`computed_trips`), stored and computed trips are paired (`pairing`) and held against each other
(`judgement`), and what differs is named (`differences`).
"""
