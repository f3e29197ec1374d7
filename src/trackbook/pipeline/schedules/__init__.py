"""When a pipeline runs by itself: what systemd, cron or GitHub is told, from one line as cron has it.

::

    cron.py      what the five fields mean, and when they come next
    systemd.py   a timer and its service
    crontab.py   a line of a crontab
    github.py    a workflow with a schedule
    write.py     what is written where
"""
