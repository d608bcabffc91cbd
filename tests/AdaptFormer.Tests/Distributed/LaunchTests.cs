using AdaptFormer.Distributed;
using Xunit;

namespace AdaptFormer.Tests.Distributed;

public sealed class LaunchTests
{
    [Theory]
    [InlineData("OMPI_COMM_WORLD_SIZE=4 OMPI_COMM_WORLD_RANK=3", MpiFamily.OpenMpi, 3, 4)]
    [InlineData("PMI_SIZE=2 PMI_RANK=1", MpiFamily.Mpich, 1, 2)]
    [InlineData("PMIX_RANK=5 SLURM_STEP_NUM_TASKS=8 SLURM_PROCID=5", MpiFamily.OpenMpi, 5, 8)]
    [InlineData("PMI_SIZE=2 PMI_RANK=0 SLURM_STEP_NUM_TASKS=2 SLURM_PROCID=0", MpiFamily.Mpich, 0, 2)]       // srun --mpi=pmi2
    public void The_environment_of_a_launcher_tells_rank_and_size(string environment, MpiFamily family, int rank, int size) =>
        Assert.Equal(new Launch(family, rank, size), Of(environment));

    [Theory]
    [InlineData("")]
    [InlineData("OMPI_COMM_WORLD_SIZE=1 OMPI_COMM_WORLD_RANK=0")]
    [InlineData("SLURM_NTASKS=4 SLURM_PROCID=0")]       // the script of sbatch, which is one process
    [InlineData("WORLD_SIZE=1 RANK=0 MASTER_ADDR=localhost")]
    [InlineData("WORLD_SIZE=4")]
    public void One_process_needs_no_library(string environment) => Assert.Null(Of(environment));

    [Theory]
    [InlineData("WORLD_SIZE=4 RANK=1 MASTER_ADDR=node1 LOCAL_RANK=1", "mpirun -n 4 adaptformer train x.json")]
    [InlineData("SLURM_STEP_NUM_TASKS=3 SLURM_PROCID=2", "srun --mpi=pmix -n 3 adaptformer train x.json")]
    public void Launchers_without_MPI_are_refused_with_the_right_command(string environment, string command) =>
        Assert.EndsWith(command, Assert.Throws<ArgumentException>(() => Of(environment)).Message, StringComparison.Ordinal);

    private static Launch? Of(string environment)
    {
        Dictionary<string, string> variables = environment.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(pair => pair.Split('=')).ToDictionary(pair => pair[0], pair => pair[1]);
        return Launch.Of(variables.GetValueOrDefault, "adaptformer train x.json");
    }
}
