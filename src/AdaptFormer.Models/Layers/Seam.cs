namespace AdaptFormer.Models.Layers;

/// <summary>What may stand in a seam: it says how one pass serves rows of several tasks.</summary>
/// <typeparam name="T">The filler's own type.</typeparam>
public interface ISeamFiller<T> where T : Module, ISeamFiller<T>
{
    /// <summary>One filler that does to each run of samples what that run's own filler does.</summary>
    /// <param name="runs">The samples of the batch, first to last; at least two different fillers, some may be missing.</param>
    static abstract T Mix(IReadOnlyList<TaskRun<T>> runs);
}

/// <summary>Samples of a batch that lie one behind the other and belong to one task.</summary>
/// <param name="Start">The first of them.</param>
/// <param name="Count">How many, at least 1.</param>
/// <param name="Task">Their task.</param>
/// <param name="Filler">What stands in the seam for them; null for nothing.</param>
public readonly record struct TaskRun<T>(int Start, int Count, Slots Task, T? Filler) where T : Module;

/// <summary>
/// A place in a layer that a method of tuning may fill, empty at first. The layer declares it with <see cref="Module.AddSeam{T}"/> and asks
/// for what fills it in each pass.
/// </summary>
public abstract class Seam
{
    private protected Seam(Module owner, string name) => (Owner, Name) = (owner, name);

    /// <summary>The layer that declares the seam.</summary>
    public Module Owner { get; }

    /// <summary>What the layer calls it, unique among its seams.</summary>
    public string Name { get; }

    /// <summary>What is attached; null for an empty seam.</summary>
    public abstract Module? Content { get; }

    /// <summary>Empties the seam; its content is the caller's from then on.</summary>
    /// <returns>What puts it back, to be called when the seam is empty again; null for a seam that was empty.</returns>
    public abstract TakenModule? TakeOut();
}

/// <summary>What was taken out of a seam.</summary>
/// <param name="Content">The module.</param>
/// <param name="PutBack">Fills the seam with it again, under its old name.</param>
public sealed record TakenModule(Module Content, Action PutBack);

/// <summary>A seam for modules of one kind.</summary>
/// <typeparam name="T">What may fill it.</typeparam>
public sealed class Seam<T> : Seam where T : Module, ISeamFiller<T>
{
    internal Seam(Module owner, string name)
        : base(owner, name)
    {
    }

    /// <summary>What is attached to the model, as it trains; null for an empty seam.</summary>
    public T? Attached { get; private set; }

    /// <inheritdoc/>
    public override Module? Content => Attached;

    /// <summary>Attaches <paramref name="filler"/>, which becomes a child of the seam's layer.</summary>
    /// <param name="name">Its name among the layer's children, in checkpoints and adapter files.</param>
    /// <param name="filler">The module.</param>
    /// <exception cref="InvalidOperationException">The seam is filled already.</exception>
    public T Fill(string name, T filler)
    {
        if (Attached is not null)
            throw new InvalidOperationException($"Seam '{Name}' holds a {Attached.GetType().Name} already; take that method out first.");
        Owner.Add(name, filler);
        return Attached = filler;
    }

    /// <summary>What fills the seam in a pass with these slots; null for nothing.</summary>
    public T? In(Slots slots) => slots.Of(this);

    /// <inheritdoc/>
    public override TakenModule? TakeOut()
    {
        if (Attached is not { } content) return null;
        string name = Owner.Release(content) ?? throw new InvalidOperationException($"What fills seam '{Name}' is no child of its layer.");
        Attached = null;
        return new TakenModule(content, () => Fill(name, content));
    }
}
