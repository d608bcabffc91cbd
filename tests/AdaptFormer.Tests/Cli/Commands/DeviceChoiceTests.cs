using AdaptFormer.Cuda;
using AdaptFormer.Tensors.Backends;
using AdaptFormer.Tests.Cuda;
using Xunit;

namespace AdaptFormer.Tests.Cli.Commands;

/// <summary>The whole program, told where to compute.</summary>
public sealed class DeviceChoiceTests
{
    [Fact]
    public async Task A_word_that_is_no_device_is_refused_before_any_work()
    {
        CliOutcome outcome = await CliProgram.Call("predict", "--weights", "none", "--device", "gpu", "none.jpg");
        Assert.Equal(2, outcome.Code);
        Assert.Contains("--device 'gpu' is not known; known: cpu, cuda, cuda:N (N from 0), auto.", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_there_is_no_card_one_line_says_so_and_the_cpu_computes()
    {
        Dictionary<string, string> hidden = new() { [NativeSwitch.Variable] = "off" };
        using TinyTask task = new();
        CliOutcome trained = await CliProgram.Run(
            hidden, "train", task.Recipe, "--output", task["run"], "--set", "epochs=1", "--device", "cuda");
        Assert.Equal(0, trained.Code);
        Assert.Contains(
            "warning: --device cuda: CUDA is hidden: ADAPTFORMER_NATIVE is 'off'. The CPU computes.", trained.Error, StringComparison.Ordinal);
        if (CudaDevice.Probe().Why is not { } why) return;
        CliOutcome predicted = await CliProgram.Call("predict", "--run", task["run"], task["test"], "--device", "auto");
        Assert.Equal(0, predicted.Code);
        Assert.Contains($"{why} The CPU computes.", predicted.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_training_a_prediction_and_the_doctor_run_on_a_card()
    {
        Dictionary<string, string> emulated = new() { ["ADAPTFORMER_CUDA"] = CudaEmulator.File, ["ADAPTFORMER_BACKEND"] = "cuda", [NativeSwitch.Variable] = "on" };
        using TinyTask task = new();
        CliOutcome trained = await CliProgram.Run(emulated, "train", task.Recipe, "--output", task["run"], "--set", "epochs=1");
        Assert.True(trained.Code == 0, trained.Error);
        Assert.Contains("CUDA, CUDA emulator", await File.ReadAllTextAsync(task["run/environment.json"], TestContext.Current.CancellationToken), StringComparison.Ordinal);
        string[] predict = ["predict", "--run", task["run"], task["test"], "--json"];
        CliOutcome there = await CliProgram.Run(emulated, predict), here = await CliProgram.Call([.. predict, "--device", "cpu"]);
        Assert.True(there.Code == 0 && here.Code == 0, there.Error + here.Error);
        Assert.Equal(Names(here.Output), Names(there.Output));
        CliOutcome doctor = await CliProgram.Run(emulated, "doctor", "--json");
        Assert.Contains("cuda:0 is CUDA emulator, compute capability 9.0", doctor.Output, StringComparison.Ordinal);
    }

    // The order of the classes, and each probability to two digits.
    private static string Names(string lines) =>
        System.Text.RegularExpressions.Regex.Replace(lines, @"\d\.\d+(E-\d+)?", number => $"{double.Parse(number.Value, System.Globalization.CultureInfo.InvariantCulture):0.00}");
}
