using AdaptFormer.Models;
using AdaptFormer.Models.Layers;
using AdaptFormer.Models.Vit;
using AdaptFormer.Peft;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Files;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Peft;

/// <summary>Adapters read apart from the model: many tasks over one backbone that never changes.</summary>
public sealed class AdapterTaskTests : IDisposable
{
    internal static readonly (string Name, Tuning Tuning)[] Methods =
    [
        ("adaptformer", new AdaptFormerTuning(4)), ("paper", AdaptFormerTuning.Paper with { Bottleneck = 3 }),
        ("sequential", new AdaptFormerTuning(4, Position: AdapterPosition.Sequential, Activation: AdapterActivation.Gelu)),
        ("norm in", new AdaptFormerTuning(4, Input: AdapterInput.OwnNormIn, Head: HeadKind.Plain)), ("norm out", new AdaptFormerTuning(4, Input: AdapterInput.OwnNormOut)),
        ("learned scale", new AdaptFormerTuning(4, LearnScale: true)), ("wider, at the end", new AdaptFormerTuning(7, 1, Layers: "2-3", Bias: false)),
        ("conv", new AdaptFormerTuning(4, Form: AdapterForm.Conv)), ("dwconv", new AdaptFormerTuning(4, Form: AdapterForm.Dwconv)),
        ("lora", new LoraTuning(2, 4)), ("lora everywhere", new LoraTuning(2, 4, "qkv,proj,fc1,fc2", Layers: "1,3")), ("ssf", new SsfTuning()),
        ("houlsby", new HoulsbyTuning(4)), ("ia3", new Ia3Tuning()), ("bitfit", new BitFitTuning()), ("norm", new NormTuning()), ("linear", new LinearProbe()),
        ("vpt", new VptTuning(2)), ("more prompts", new VptTuning(3)), ("prompts that stay", new VptTuning(2, Deep: false)),
    ];

    private readonly TestFolder _folder = new();
    private readonly List<AdapterTask> _tasks = [];

    public void Dispose()
    {
        foreach (AdapterTask task in _tasks) task.Dispose();
        _folder.Dispose();
    }

    public static TheoryData<string, string> Cells
    {
        get
        {
            TheoryData<string, string> cells = [];
            foreach (string model in TinyModels.All.Keys)
            {
                cells.Add(model, CpuBackends.Managed);
                cells.Add(model, CpuBackends.OneDnnName);
            }

            return cells;
        }
    }

    [Theory]
    [MemberData(nameof(Cells))]
    public void Rows_of_all_methods_in_one_pass_get_the_answers_of_passes_of_their_own(string name, string backend)
    {
        using IDisposable _ = CpuBackends.Use(backend);
        using TensorScope scope = new();
        using Backbone model = TinyModels.Create(name);
        (List<AdapterTask> tasks, List<float[]> attached) = LoadAll(model);
        Tensor pixels = Repeated(model, tasks.Count);
        TaskSlots[] mixed = [.. tasks.Select(task => task.Slots)];
        Tensor[] answers = model.Forward(pixels, mixed);
        for (int i = 0; i < tasks.Count; i++)
        {
            float[] alone = model.Forward(pixels.SliceBatch(i, 1), tasks[i].Slots).ToArray(), together = answers[i].ToArray();
            if (backend == CpuBackends.Managed) Assert.True(alone.AsSpan().SequenceEqual(together), $"{tasks[i].Info.Path} differs");
            else ParityCase.AssertClose(tasks[i].Info.Path, alone, together, 1e-6);
            ParityCase.AssertClose($"{tasks[i].Info.Path} attached", attached[i], alone, 1e-5);
        }

        // Any order, several rows a task.
        int[] order = [.. Enumerable.Range(0, 2 * tasks.Count).Select(i => i * 7 % tasks.Count)];
        Tensor shuffled = BatchOps.ConcatBatch([.. order.Select(i => pixels.SliceBatch(i, 1))]);
        Tensor[] again = model.Forward(shuffled, [.. order.Select(i => mixed[i])]);
        for (int i = 0; i < order.Length; i++) ParityCase.AssertClose("shuffled", answers[order[i]].ToArray(), again[i].ToArray(), 1e-6);
    }

    [Theory]
    [InlineData("ViT")]
    [InlineData("Swin")]
    public void In_bf16_a_mixed_pass_is_near_passes_of_their_own(string name)
    {
        using TensorScope scope = new();
        using Backbone model = TinyModels.Create(name, DataType.BFloat16);
        (List<AdapterTask> tasks, _) = LoadAll(model);
        Tensor pixels = Repeated(model, tasks.Count);
        Tensor[] answers = model.Forward(pixels, [.. tasks.Select(task => task.Slots)]);
        for (int i = 0; i < tasks.Count; i++)
            ParityCase.AssertClose(tasks[i].Info.Path, model.Forward(pixels.SliceBatch(i, 1), tasks[i].Slots).ToArray(), answers[i].ToArray(), 2e-2);
    }

    [Fact]
    public void A_hundred_tasks_leave_the_backbone_as_it_was()
    {
        using Backbone model = TinyModels.Create("ViT, mean");
        Dictionary<string, float[]> before = model.State().ToDictionary(entry => entry.Key, entry => entry.Value.Tensor.ToArray());
        string[] modules = [.. model.Modules().Select(module => module.GetType().Name)];
        string[] files = [.. Methods.Select(method => Save("ViT, mean", method.Tuning, method.Name).Path)];
        for (int i = 0; i < 100; i++)
        {
            AdapterTask task = AdapterTask.Load(files[i % files.Length], model);
            _tasks.Add(task);
            task.CheckAnswer();
        }

        Assert.Equal(before.Keys, model.State().Select(entry => entry.Key));
        foreach ((string name, (Parameter tensor, _)) in model.State()) Assert.True(before[name].AsSpan().SequenceEqual(tensor.Span), $"{name} changed");
        Assert.Equal(modules, model.Modules().Select(module => module.GetType().Name));
        Assert.All(model.Modules().SelectMany(module => module.Seams), seam => Assert.Null(seam.Content));
        Assert.Null(model.Head);
    }

    [Fact]
    public void Sixteen_threads_ask_different_tasks_at_once()
    {
        using Backbone model = TinyModels.Create("ViT");
        (List<AdapterTask> tasks, _) = LoadAll(model);
        float[][] together = new float[48][];
        Parallel.For(0, together.Length, new ParallelOptions { MaxDegreeOfParallelism = 16 }, i => together[i] = Ask(i));
        for (int i = 0; i < together.Length; i++) Assert.Equal(Ask(i), together[i]);

        float[] Ask(int i)
        {
            using TensorScope scope = new();
            TaskSlots one = tasks[i % tasks.Count].Slots, other = tasks[(i + 5) % tasks.Count].Slots;
            Tensor pixels = TinyModels.Pixels(model);
            return i % 2 == 0 ? model.Forward(pixels, one).ToArray() : [.. model.Forward(pixels, [one, other, one, other]).SelectMany(answer => answer.ToArray())];
        }
    }

    [Theory]
    [InlineData("ViT")]
    [InlineData("ViT, mean")]
    [InlineData("Video ViT")]
    [InlineData("Swin")]
    public void The_trunk_below_what_tasks_touch_is_computed_once_and_shared(string name)
    {
        using IDisposable _ = CpuBackends.Use(CpuBackends.Managed);
        using TensorScope scope = new();
        using Backbone model = TinyModels.Create(name);
        Tensor pixels = TinyModels.Pixels(model);
        foreach ((string layers, int cut) in new[] { ("3", 2), ("2-3", 1), ("all", 0) })
        {
            TaskSlots[] tasks = [.. new Tuning[] { new AdaptFormerTuning(4, Layers: layers), new LoraTuning(2, Layers: layers), new LinearProbe() }.Select((tuning, i) => Load(model, Save(name, tuning, $"{layers} {i}").Path).Slots)];
            if (name == "Swin")
            {
                Assert.Null(model.SharedCut(tasks));
                continue;
            }

            Assert.Equal(cut, model.SharedCut(tasks));
            AssertShared(tasks, cut);
        }

        TaskSlots[] probes = [.. Enumerable.Range(0, 2).Select(i => Load(model, Save(name, new LinearProbe(), $"probe {i}", seed: i).Path).Slots)];
        int end = model.HeadNorms.Any() ? model.Blocks.Count : model.Blocks.Count + 1;
        Assert.Equal(end, model.SharedCut(probes));
        AssertShared(probes, end);
        if (model.TakesPrompts) Assert.Null(model.SharedCut([probes[0], Load(model, Save(name, new VptTuning(), "prompts").Path).Slots]));

        void AssertShared(TaskSlots[] tasks, int cut)
        {
            Tensor trunk = model.RunBefore(cut, pixels, TaskSlots.None);
            (TaskSlots Task, int Sample)[] asked = [.. tasks.SelectMany(task => new[] { (task, 2), (task, 0) })];
            Tensor[] answers = model.RunAfter(cut, trunk, [.. asked.Select(one => one.Task)], [.. asked.Select(one => one.Sample)]);
            for (int i = 0; i < asked.Length; i++)
                Assert.Equal(model.Forward(pixels, asked[i].Task).SliceBatch(asked[i].Sample, 1).ToArray(), answers[i].ToArray());

            // The whole trunk, as it lies in memory, may be asked any number of times, and be taken on to another cut.
            float[] features = model.Forward(pixels, TaskSlots.None).ToArray();
            for (int round = 0; round < 2; round++)
            {
                Assert.Equal(answers[1].ToArray(), model.RunAfter(cut, trunk, [.. Enumerable.Repeat(asked[1].Task, 4)], [0, 1, 2, 3])[0].ToArray());
                Assert.Equal(features, model.RunBetween(cut, model.Blocks.Count + 1, trunk, TaskSlots.None).ToArray());
            }
        }
    }

    [Theory]
    [InlineData(DataType.Float32)]
    [InlineData(DataType.BFloat16)]
    public void A_task_holds_its_matrices_once_in_the_type_of_the_products(DataType compute)
    {
        VitConfig config = new(16, 16, 8, EmbedDim: 128, Depth: 2, NumHeads: 2, MlpRatio: 2);      // widths of which no packed form is padded
        using Backbone model = new VisionTransformer("wide", config, compute), tuned = new VisionTransformer("wide", config, compute);
        foreach (Backbone same in new[] { model, tuned }) TinyBackbone.Randomize(same, 1, _ => true);
        AdaptFormerTuning tuning = new(64);
        tuning.Attach(tuned, 64, new Rng(0));
        string path = _folder.PathOf("wide.safetensors");
        AdapterFile.Save(path, tuned, tuning, [.. Enumerable.Range(0, 64).Select(i => $"class {i}")], Preprocessing.ImageNet(16));
        AdapterTask task = Load(model, path);
        task.CheckAnswer();
        long matrices = 2 * 2 * 64 * 128 * compute.Size(), head = 64 * 128 * sizeof(float), vectors = ((2 * (64 + 128)) + 64) * sizeof(float);
        Assert.InRange(task.Bytes, matrices + head + vectors, (long)(1.05 * (matrices + head + vectors)));
    }

    [Fact]
    public void What_cannot_be_a_task_is_refused_with_the_reason()
    {
        using TensorScope scope = new();
        using Backbone model = TinyModels.Create("ViT"), other = TinyModels.Create("ViT"), mean = TinyModels.Create("ViT, mean");
        Assert.Contains("a model of its own", Assert.Throws<InvalidDataException>(() => AdapterTask.Load(Save("ViT", new FullTuning(), "full").Path, model)).Message);
        string path = Save("ViT", new AdaptFormerTuning(4), "task").Path;
        Assert.Contains("does not fit", Assert.Throws<InvalidDataException>(() => AdapterTask.Load(path, mean)).Message);
        TaskSlots task = Load(model, path).Slots;
        Tensor pixels = TinyModels.Pixels(model);
        Assert.Contains("another backbone", Assert.Throws<ArgumentException>(() => other.Forward(pixels, task)).Message);
        Assert.Contains("another backbone", Assert.Throws<ArgumentException>(() => other.Forward(pixels, [task, task, task, task])).Message);
        Assert.Contains("2 tasks for 4 samples", Assert.Throws<ArgumentException>(() => model.Forward(pixels, [task, task])).Message);
        Assert.Contains("sample 4 of 4", Assert.Throws<ArgumentException>(() => model.RunAfter(0, model.RunBefore(0, pixels), [task], [4])).Message);
        using Tape tape = new(new Rng(0));
        Assert.Contains("for predictions", Assert.Throws<ArgumentException>(() => model.Forward(tape.Watch(TinyModels.Pixels(model)), task)).Message);
        new BitFitTuning().Attach(model, 3, new Rng(0));
        Assert.Contains("in place", Assert.Throws<InvalidOperationException>(() => model.Forward(pixels, task)).Message);
    }

    [Fact]
    public void What_is_attached_plays_no_part_in_a_pass_of_a_task()
    {
        using TensorScope scope = new();
        using Backbone model = TinyModels.Create("ViT");
        TaskSlots task = Load(model, Save("ViT", new LoraTuning(2), "task").Path).Slots;
        Tensor pixels = TinyModels.Pixels(model);
        float[] before = model.Forward(pixels, task).ToArray(), features = model.Forward(pixels, TaskSlots.None).ToArray();
        new AdaptFormerTuning(4).Attach(model, 7, new Rng(1));
        TinyBackbone.Randomize(model, 5, name => name.Contains("adaptmlp"));
        Assert.Equal(before, model.Forward(pixels, task).ToArray());
        Assert.Equal(features, model.Forward(pixels, TaskSlots.None).ToArray());
        Assert.NotEqual(features, model.Features(pixels).ToArray());
    }

    [Fact]
    public void A_self_test_that_fails_names_the_file()
    {
        using Backbone model = TinyModels.Create("ViT");
        AdapterTask task = Load(model, Save("ViT", new AdaptFormerTuning(4), "task").Path);
        task.CheckAnswer();
        model.Blocks[1].Norm1.Weight.Assign(new float[24]);
        string message = Assert.Throws<InvalidDataException>(task.CheckAnswer).Message;
        Assert.Contains("task", message);
        Assert.Contains("self-test", message);
    }

    private (List<AdapterTask> Tasks, List<float[]> Attached) LoadAll(Backbone model)
    {
        List<AdapterTask> tasks = [];
        List<float[]> attached = [];
        foreach ((string name, Tuning tuning) in Methods.Where(method => model.TakesPrompts || method.Tuning is not VptTuning))
        {
            (string path, float[] answer) = Save(model.Id, tuning, name, seed: tasks.Count, sample: tasks.Count, compute: model.Compute);
            tasks.Add(Load(model, path));
            attached.Add(answer);
        }

        return (tasks, attached);
    }

    private AdapterTask Load(Backbone model, string path)
    {
        AdapterTask task = AdapterTask.Load(path, model);
        _tasks.Add(task);
        return task;
    }

    /// <summary>A task with random numbers in a file, and its answer in the attached form.</summary>
    private (string Path, float[] Answer) Save(string backbone, Tuning tuning, string name, int seed = 0, int sample = 0, DataType compute = DataType.Float32)
    {
        using TensorScope scope = new();
        using Backbone model = TinyModels.Create(backbone, compute);
        tuning.Attach(model, 3 + (seed % 3), new Rng(seed));
        HashSet<string> trained = [.. model.State().Where(entry => entry.Value.IsBuffer || entry.Value.Tensor.Trainable).Select(entry => entry.Key)];
        TinyBackbone.Randomize(model, 20 + seed, trained.Contains);
        model.Freeze();
        string path = _folder.PathOf($"{backbone} {name}.safetensors");
        AdapterFile.Save(path, model, tuning, [.. Enumerable.Range(0, model.Head!.Classes).Select(i => $"class {i}")], Preprocessing.ImageNet(model.InputShape[^1]));
        return (path, model.Forward(Repeated(model, sample + 1).SliceBatch(sample, 1)).ToArray());
    }

    /// <summary>As many samples as asked for, all different.</summary>
    private static Tensor Repeated(Backbone model, int count)
    {
        Shape shape = new([count, .. model.InputShape]);
        return Tensor.From(GradCheck.Numbers(new Rng(5), (int)shape.Length), shape);
    }
}
