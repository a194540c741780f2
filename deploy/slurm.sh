#!/bin/sh
# A sweep as a Slurm array: every task has a part of the runs, all share the folder.
#
#   sbatch --array=1-4 deploy/slurm.sh configs/sweeps/demo_methods.json --out runs/methods
#
# A task whose time is nearly up ends with code 75, saved, and is put into the queue again.
#SBATCH --job-name=wscl
#SBATCH --time=1:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=wscl-%A_%a.log

./wscl sweep "$@" --max-time 55m
code=$?
if [ "$code" = 75 ]; then
  scontrol requeue "${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}"
fi
exit "$code"
