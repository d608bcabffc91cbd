using AdaptFormer.Data.Images;
using AdaptFormer.Data.Transforms;
using AdaptFormer.Inference;
using AdaptFormer.Models;
using AdaptFormer.Peft;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Peft;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Inference.Bank;

/// <summary>Many tasks over one backbone: what a bank answers is what each task answers by itself.</summary>
public sealed class TaskBankTests : IDisposable
{
    private static readonly TaskBankOptions Gathering = new(BatchDelay: TimeSpan.FromMilliseconds(50));

    private readonly BankFiles _files = new();

    public void Dispose() => _files.Dispose();

    [Theory]
    [InlineData("ViT", CpuBackends.Managed)]
    [InlineData("ViT", CpuBackends.OneDnnName)]
    [InlineData("ViT, mean", CpuBackends.Managed)]
    [InlineData("Swin", CpuBackends.Managed)]
    [InlineData("Swin", CpuBackends.OneDnnName)]
    public void All_methods_asked_together_answer_as_each_does_by_itself(string name, string backend)
    {
        using IDisposable _ = CpuBackends.Use(backend);
        using Backbone model = TinyModels.Create(name);
        (string Name, Tuning Tuning)[] methods = [.. AdapterTaskTests.Methods.Where(method => model.TakesPrompts || method.Tuning is not VptTuning)];
        using TaskBank bank = new(model, Gathering), single = new(model, new TaskBankOptions(BatchSize: 1, TrunkBytes: 0));
        for (int i = 0; i < methods.Length; i++)
        {
            string path = _files.Save(name, methods[i].Tuning, methods[i].Name, seed: i);
            bank.Load(path);
            single.Load(path);
        }

        string[] tasks = [.. methods.Select(method => method.Name)];
        TaskQuestion[] questions = [.. Enumerable.Range(0, 3 * tasks.Length).Select(i => new TaskQuestion(BankFiles.Picture(i % 5), tasks[i * 7 % tasks.Length]))];
        IReadOnlyList<TaskAnswer> mixed = bank.AskMany(questions), together = bank.Ask(BankFiles.Picture(1), tasks);
        for (int i = 0; i < questions.Length; i++) AssertSame(single.Ask(questions[i].Input, questions[i].Task), mixed[i]);
        for (int i = 0; i < tasks.Length; i++) AssertSame(single.Ask(BankFiles.Picture(1), tasks[i]), together[i]);

        void AssertSame(TaskAnswer alone, TaskAnswer answer)
        {
            Assert.Equal(alone.Task, answer.Task);
            if (backend == CpuBackends.Managed) Assert.Equal(alone.Logits, answer.Logits);
            else ParityCase.AssertClose(answer.Task, alone.Logits, answer.Logits, 1e-6);
        }
    }

    [Fact]
    public void A_bank_answers_as_the_predictor_of_each_adapter()
    {
        using IDisposable _ = CpuBackends.Use(CpuBackends.Managed);
        using Backbone model = TinyModels.Create("ViT"), other = TinyModels.Create("ViT");
        using TaskBank bank = new(model);
        foreach ((bool several, int seed) in new[] { (false, 1), (true, 2) })
        {
            string path = _files.Save("ViT", new AdaptFormerTuning(4), $"task {seed}", seed, several);
            bank.Load(path);
            AdapterInfo info = AdapterFile.Load(path, other);
            using Predictor predictor = new(other, info.Labels, info.Preprocessing, info.MultiLabel);
            IReadOnlyList<ClassScore> expected = predictor.Predict(BankFiles.Picture(3), topK: 3, threshold: 0), answer = bank.Ask(BankFiles.Picture(3), $"task {seed}").Best(3, 0);
            Assert.Equal(expected.Select(score => score.Label), answer.Select(score => score.Label));
            for (int k = 0; k < 3; k++) Assert.Equal(expected[k].Probability, answer[k].Probability, 5);      // the batch norm is folded
        }
    }

    [Fact]
    public void A_path_a_stream_bytes_pixels_and_the_tensor_are_one_picture()
    {
        using Backbone model = TinyModels.Create("ViT");
        using TaskBank bank = new(model);
        AdapterInfo info = bank.Load(_files.Save("ViT", new AdaptFormerTuning(4), "task")).Info;
        byte[] file = BankFiles.Picture(1);
        File.WriteAllBytes(_files["picture.pgm"], file);
        using ImageBuffer pixels = ImageDecoder.Decode(file);
        using ImageTransform.Scratch scratch = new();
        ImageTransform transform = ImageTransform.ForEvaluation(info.Preprocessing.ToTransform());
        float[] tensor = new float[transform.SampleLength];
        transform.Apply(pixels, new Rng(0), tensor, scratch);
        using MemoryStream stream = new(file);
        VisualInput[] inputs = [_files["picture.pgm"], VisualInput.Stream(stream), file, pixels, VisualInput.Tensor(tensor)];
        float[][] answers = [.. inputs.Select(input => bank.Ask(input, "task").Logits)];
        Assert.All(answers, answer => Assert.Equal(answers[0], answer));
    }

    [Fact]
    public void Clips_are_asked_by_frames_and_by_folders_of_frames()
    {
        using Backbone model = TinyModels.Create("Video ViT");
        using TaskBank bank = new(model);
        bank.Load(_files.Save("Video ViT", new AdaptFormerTuning(4, Layers: "2-3"), "clips"));
        bank.Load(_files.Save("Video ViT", new LoraTuning(2), "lora", seed: 1));
        ImageBuffer[] frames = [.. Enumerable.Range(0, 6).Select(t => ImageDecoder.Decode(BankFiles.Picture(t)))];
        Directory.CreateDirectory(_files["frames"]);
        for (int t = 0; t < frames.Length; t++) PngWriter.Save(Path.Combine(_files["frames"], $"{t:000}.png"), frames[t]);
        IReadOnlyList<TaskAnswer> memory = bank.Ask(VisualInput.Frames(frames), ["clips", "lora"]), folder = bank.Ask(_files["frames"], ["clips", "lora"]);
        for (int i = 0; i < 2; i++) ParityCase.AssertClose("clip", memory[i].Logits, folder[i].Logits, 1e-6);
        foreach (ImageBuffer frame in frames) frame.Dispose();
        Assert.Contains("3000 are the limit", Assert.Throws<InvalidDataException>(() => bank.Ask(VisualInput.Frames([.. Enumerable.Repeat(frames[0], 3001)]), "clips")).Message);
    }

    [Fact]
    public void The_trunk_of_a_picture_serves_the_next_task_without_the_picture()
    {
        using IDisposable _ = CpuBackends.Use(CpuBackends.Managed);
        using Backbone model = TinyModels.Create("ViT");
        using TaskBank bank = new(model), none = new(model, new TaskBankOptions(TrunkBytes: 0));
        string[] tasks = ["upper", "last", "probe", "all", "prompts"];
        Tuning[] methods = [new AdaptFormerTuning(4, Layers: "2-3"), new LoraTuning(2, Layers: "3"), new LinearProbe(), new AdaptFormerTuning(4), new VptTuning(2)];
        for (int i = 0; i < tasks.Length; i++)
        {
            string path = _files.Save("ViT", methods[i], tasks[i], seed: i);
            bank.Load(path);
            none.Load(path);
        }

        byte[] picture = BankFiles.Picture(2);
        Assert.Equal(0, bank.TrunkBytes);
        Assert.Equal(none.Ask(picture, "upper").Logits, bank.Ask(picture, "upper").Logits);
        long one = bank.TrunkBytes;
        Assert.True(one > 0, "no trunk was kept");
        foreach (string task in tasks) Assert.Equal(none.Ask(picture, task).Logits, bank.Ask(picture, task).Logits);
        IReadOnlyList<TaskAnswer> all = bank.Ask(picture, tasks), apart = none.Ask(picture, tasks);
        for (int i = 0; i < tasks.Length; i++) Assert.Equal(apart[i].Logits, all[i].Logits);
        Assert.Equal(0, none.TrunkBytes);

        using TaskBank small = new(model, new TaskBankOptions(TrunkBytes: 2 * one));
        small.Load(_files["upper.safetensors"]);
        for (int i = 0; i < 10; i++) small.Ask(BankFiles.Picture(i), "upper");
        Assert.Equal(2 * one, small.TrunkBytes);
    }

    [Fact]
    public void Tasks_beyond_the_memory_go_and_come_back_when_they_are_asked()
    {
        using Backbone model = TinyModels.Create("ViT");
        string[] tasks = [.. Enumerable.Range(0, 6).Select(i => $"task {i}")];
        string[] paths = [.. tasks.Select((task, i) => _files.Save("ViT", new AdaptFormerTuning(4), task, seed: i))];
        using TaskBank roomy = new(model);
        foreach (string path in paths) roomy.Load(path);
        IReadOnlyList<TaskAnswer> expected = roomy.Ask(BankFiles.Picture(0), tasks);
        long limit = roomy.Tasks.Max(task => task.Bytes) * 2;
        using TaskBank bank = new(model, new TaskBankOptions(TaskBytes: limit));
        foreach (string path in paths) bank.Load(path);
        AssertLimitHolds();     // as soon as the self-tests are through, which keep their tasks
        Assert.Equal(6, bank.Tasks.Count);
        for (int round = 0; round < 3; round++)
        {
            for (int i = 0; i < tasks.Length; i++) ParityCase.AssertClose("answer", expected[i].Logits, bank.Ask(BankFiles.Picture(0), tasks[i]).Logits, 1e-6);
        }

        IReadOnlyList<TaskAnswer> together = bank.Ask(BankFiles.Picture(0), tasks);      // all are pinned at once
        for (int i = 0; i < tasks.Length; i++) ParityCase.AssertClose("answer", expected[i].Logits, together[i].Logits, 1e-6);
        AssertLimitHolds();

        // A task's bytes are those of its products' form once it is tested; two of these are within the limit.
        void AssertLimitHolds()
        {
            IReadOnlyList<BankedTask> resident = [];
            SpinWait.SpinUntil(() => (resident = [.. bank.Tasks.Where(task => task.IsResident)]).Count <= 2 && resident.All(task => task.IsTested), TimeSpan.FromMinutes(1));
            Assert.InRange(resident.Count, 1, 2);
            Assert.InRange(resident.Sum(task => task.Bytes), 1, limit);
        }
    }

    [Fact]
    public void A_new_version_takes_the_place_of_the_old_one_and_a_bad_file_leaves_it()
    {
        using Backbone model = TinyModels.Create("ViT");
        using TaskBank bank = new(model);
        string first = _files.Save("ViT", new AdaptFormerTuning(4), "first", seed: 1), second = _files.Save("ViT", new LoraTuning(2), "second", seed: 2);
        bank.Load(first, "task");
        float[] before = bank.Ask(BankFiles.Picture(0), "task").Logits;
        Assert.Equal(2, bank.Load(second, "task").Version);
        float[] after = bank.Ask(BankFiles.Picture(0), "task").Logits;
        Assert.NotEqual(before.Length, after.Length);

        byte[] cut = File.ReadAllBytes(first)[..^100];
        File.WriteAllBytes(_files["cut.safetensors"], cut);
        Assert.Contains("cut.safetensors", Assert.Throws<InvalidDataException>(() => bank.Load(_files["cut.safetensors"], "task")).Message);
        Assert.Contains("a model of its own", Assert.Throws<InvalidDataException>(() => bank.Load(_files.Save("ViT", new FullTuning(), "full"), "task")).Message);
        Assert.Contains("does not fit", Assert.Throws<InvalidDataException>(() => bank.Load(_files.Save("ViT, mean", new AdaptFormerTuning(4), "other"), "task")).Message);
        Assert.Equal(after, bank.Ask(BankFiles.Picture(0), "task").Logits);
        Assert.Equal(2, Assert.Single(bank.Tasks).Version);
    }

    [Fact]
    public async Task A_file_that_fails_its_self_test_never_answers()
    {
        using Backbone model = TinyModels.Create("ViT"), other = TinyModels.Create("ViT");
        string path = _files.Save("ViT", new AdaptFormerTuning(4), "task", seed: 1);
        byte[] bytes = File.ReadAllBytes(path);
        bytes.AsSpan(bytes.Length - 400).Fill(0x40);      // numbers of 3.0 in place of the trained ones
        File.WriteAllBytes(_files["wrong.safetensors"], bytes);
        using TaskBank bank = new(model);
        TaskCompletionSource<string> failed = new();
        bank.TaskFailed += (task, error) => failed.TrySetResult($"{task}: {error.Message}");
        bank.Load(_files["wrong.safetensors"]);
        await Assert.ThrowsAnyAsync<Exception>(() => bank.AskAsync(BankFiles.Picture(0), "wrong"));
        Assert.Contains("self-test", await failed.Task.WaitAsync(TimeSpan.FromSeconds(30)));
        Assert.Throws<UnknownTaskException>(() => bank.Ask(BankFiles.Picture(0), "wrong"));
        bank.Load(path, "task");
        Assert.Contains("self-test", Assert.Throws<InvalidDataException>(() => bank.Load(_files["wrong.safetensors"], "task")).Message);
        Assert.Equal(4, bank.Ask(BankFiles.Picture(0), "task").Logits.Length);
    }

    [Fact]
    public void What_cannot_be_asked_is_refused_with_the_reason_and_harms_nobody()
    {
        using Backbone model = TinyModels.Create("ViT");
        using TaskBank bank = new(model, new TaskBankOptions(Inputs: new InputLimits(MaxBytes: 2000, MaxPixels: 400)));
        bank.Load(_files.Save("ViT", new AdaptFormerTuning(4), "flowers"));
        float[] good = bank.Ask(BankFiles.Picture(0), "flowers").Logits;
        Assert.Contains("no task 'birds'; known: flowers", Assert.Throws<UnknownTaskException>(() => bank.Ask(BankFiles.Picture(0), "birds")).Message);
        Assert.Throws<InvalidDataException>(() => bank.Ask("not a picture"u8.ToArray(), "flowers"));
        Assert.Throws<InvalidDataException>(() => bank.Ask(BankFiles.Picture(0)[..100], "flowers"));
        Assert.Contains("more than the 400", Assert.Throws<InvalidDataException>(() => bank.Ask((byte[])[.. "P5 30 30 255\n"u8, .. new byte[900]], "flowers")).Message);
        Assert.Contains("more than the 2000", Assert.Throws<InvalidDataException>(() => bank.Ask(new byte[2001], "flowers")).Message);
        Assert.Throws<FileNotFoundException>(() => bank.Ask(_files["nothing.png"], "flowers"));
        Assert.Contains("768 numbers; got 3", Assert.Throws<ArgumentException>(() => bank.Ask(VisualInput.Tensor(new float[3]), "flowers")).Message);
        Assert.Contains("not finite", Assert.Throws<ArgumentException>(() => bank.Ask(VisualInput.Tensor(Enumerable.Repeat(float.NaN, 768).ToArray()), "flowers")).Message);
        using ImageBuffer picture = ImageDecoder.Decode(BankFiles.Picture(0));
        Assert.Contains("reads pictures, got 2 frames", Assert.Throws<ArgumentException>(() => bank.Ask(VisualInput.Frames([picture, picture]), "flowers")).Message);
        Assert.Contains("folder", Assert.Throws<ArgumentException>(() => bank.Ask(_files.Folder, "flowers")).Message);
        Assert.Contains("batch_size is 0", Assert.Throws<ArgumentException>(() => new TaskBank(model, new TaskBankOptions(BatchSize: 0))).Message);
        Assert.Equal(good, bank.Ask(BankFiles.Picture(0), "flowers").Logits);
    }

    [Fact]
    public async Task Attention_of_a_task_is_that_of_the_attached_method()
    {
        foreach (Tuning tuning in (Tuning[])[new LoraTuning(2), new VptTuning(3), new AdaptFormerTuning(4), new BitFitTuning()])
        {
            using Backbone model = TinyModels.Create("ViT"), attached = TinyModels.Create("ViT");
            using TaskBank bank = new(model);
            string path = _files.Save("ViT", tuning, tuning.Method, seed: 1);
            bank.Load(path);
            AdapterFile.Load(path, attached);
            (AttentionMaps maps, ReadOnlyMemory<float> seen) = await bank.AttendAsync(BankFiles.Picture(0), tuning.Method);
            using TensorScope scope = new();
            AttentionMaps expected = AttentionMaps.Of(attached, Tensor.From(seen.Span, new Shape([1, .. model.InputShape]))).Maps;
            ParityCase.AssertClose("mean", expected.Mean, maps.Mean, 1e-6);
            ParityCase.AssertClose("rollout", expected.Rollout!, maps.Rollout!, 1e-6);
        }
    }
}
